entrypoint.sh
