// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;

/** SHA-256 over values, each with its length before it, so that no two lists of values look alike. */
final class Digest {
    private static final ThreadLocal<byte[]> BUFFER = ThreadLocal.withInitial(() -> new byte[1 << 16]);
    private final MessageDigest sha = sha256();

    Digest add(String... values) {
        addLength(values.length);
        for (String value : values) {
            byte[] content = value.getBytes(StandardCharsets.UTF_8);
            addLength(content.length);
            sha.update(content);
        }
        return this;
    }

    Digest add(SortedMap<String, String> values) {
        return add(values.entrySet());
    }

    /** The same as of a map with these entries in this order. */
    Digest add(Collection<? extends Map.Entry<String, String>> values) {
        addLength(values.size());
        ByteBuffer some = ByteBuffer.allocate(1 << 16); // a call for each would take longer than the digest
        for (Map.Entry<String, String> entry : values) {
            byte[] name = entry.getKey().getBytes(StandardCharsets.UTF_8);
            byte[] value = entry.getValue().getBytes(StandardCharsets.UTF_8);
            int length = 3 * Integer.BYTES + name.length + value.length;
            if (length > some.remaining()) {
                sha.update(some.flip());
                some.clear();
            }
            if (length > some.capacity()) {
                some = ByteBuffer.allocate(length);
            }
            some.putInt(2).putInt(name.length).put(name).putInt(value.length).put(value);
        }
        sha.update(some.flip());
        return this;
    }

    /** Without its length, so it must be the last value. */
    void addContent(Path file) throws IOException {
        byte[] buffer = BUFFER.get();
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            for (int n; (n = in.read(buffer)) >= 0;) {
                sha.update(buffer, 0, n);
            }
        }
    }

    void addNumbers(long... numbers) {
        for (long number : numbers) {
            sha.update(ByteBuffer.allocate(8).putLong(number).flip());
        }
    }

    /** Ends the digest: 64 hexadecimal digits. */
    String hex() {
        return HexFormat.of().formatHex(sha.digest());
    }

    private void addLength(int number) {
        sha.update(ByteBuffer.allocate(4).putInt(number).flip());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
