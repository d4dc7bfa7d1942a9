IMAGE=$("${ENSURE_IMAGE:-ensure_image}" -q app-test)
test "$(docker run --rm "$IMAGE" cat /greeting)" = hello
