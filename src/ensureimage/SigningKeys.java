// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The keys by which machines trust each other's images: each signs what it pushes, and takes only what is signed.
 *
 * @param publicKey as {@code cosign verify --key} takes it: a file, {@code env://NAME}, or the URI of a key management service
 * @param privateKey as {@code cosign sign --key} takes it; if there is none, nothing is pushed
 */
public record SigningKeys(String publicKey, Optional<String> privateKey) {
    /** The variable that {@code cosign generate-key-pair} makes for the jobs of GitHub and GitLab. */
    private static final String PRIVATE_VARIABLE = "COSIGN_PRIVATE_KEY";
    private static final String VARIABLE = "env://";
    private static final Pattern URI = Pattern.compile("(?:[a-z][a-z0-9+.-]*://|pkcs11:).*");
    /** URIs of what has no private key. */
    private static final Pattern PUBLIC = Pattern.compile("(?:env|https?)://.*");
    private static final Pattern FILE = Pattern.compile("(?s)(.+)\\.(pub|key)");

    /** Why images cannot be verified by a key. */
    public enum Flaw {
        /** The file of the public key is not there, or cannot be read. */
        NO_FILE,
        /** The variable of the public key is not set. */
        NO_VARIABLE,
        /** It is a private key: it would have to be decrypted for each image that is pulled. */
        PRIVATE
    }

    /**
     * {@return the pair that a key belongs to} The private key is the file {@code x.key} beside {@code x.pub}, or in the variable
     * {@code COSIGN_PRIVATE_KEY}. A key management service has both under one URI.
     *
     * @param key the public one, or a file {@code x.key} with {@code x.pub} beside it
     * @param environment with the variables
     */
    public static SigningKeys find(String key, Map<String, String> environment) {
        Optional<String> variable = Optional.of(VARIABLE + PRIVATE_VARIABLE)
                .filter(name -> !environment.getOrDefault(PRIVATE_VARIABLE, "").isEmpty());
        Matcher file = FILE.matcher(key);
        if (URI.matcher(key).matches()) {
            return new SigningKeys(key, PUBLIC.matcher(key).matches() ? variable : Optional.of(key));
        }
        return file.matches()
                ? new SigningKeys(file.group(1) + ".pub",
                        Optional.of(file.group(1) + ".key").filter(SigningKeys::isFile)
                                .or(() -> variable))
                : new SigningKeys(key, variable);
    }

    /**
     * {@return what is wrong with the public key, as far as it can be told here; the password of the private one is not tried}
     *
     * @param environment with the variables
     */
    public Optional<Flaw> flaw(Map<String, String> environment) {
        if (publicKey.startsWith(VARIABLE)) {
            String value = environment.getOrDefault(publicKey.substring(VARIABLE.length()), "");
            return value.isEmpty() ? Optional.of(Flaw.NO_VARIABLE) : flaw(value);
        }
        if (URI.matcher(publicKey).matches()) {
            return Optional.empty();
        }
        try {
            return isFile(publicKey) ? flaw(Files.readString(Path.of(publicKey), StandardCharsets.ISO_8859_1))
                    : Optional.of(Flaw.NO_FILE);
        } catch (IOException e) {
            return Optional.of(Flaw.NO_FILE);
        }
    }

    private static Optional<Flaw> flaw(String text) {
        return Optional.of(Flaw.PRIVATE).filter(any -> text.contains(" PRIVATE KEY-----"));
    }

    private static boolean isFile(String name) {
        try {
            return Files.isRegularFile(Path.of(name));
        } catch (InvalidPathException e) {
            return false;
        }
    }
}
