hack/build.sh
