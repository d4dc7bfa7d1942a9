scripts/x.sh
