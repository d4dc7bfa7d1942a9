IMAGE=$("${ENSURE_IMAGE:-ensure_image}" -q app-test)
test "$(docker run --rm "$IMAGE" pwd)" = /srv
