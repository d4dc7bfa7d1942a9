// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/**
 * One jar of all that a class path has. From the same class path it is the same, byte by byte, whichever Java packs it:
 * nothing is compressed, because zlib and its successors compress differently.
 */
final class FatJar {
    private static final String SERVICES = "META-INF/services/";
    private static final String LICENSES = "META-INF/licenses/";
    private static final String CLASS = ".class";
    private static final LocalDateTime ALWAYS = LocalDateTime.of(1980, 1, 1, 0, 0);
    private final Map<String, byte[]> entries = new TreeMap<>();

    private FatJar() {
    }

    /** Writes it. @param main the class that {@code java -jar} starts */
    static void write(List<Path> classPath, String main, Path jar) throws IOException {
        FatJar all = new FatJar();
        for (Path each : classPath) {
            if (Files.isDirectory(each)) {
                all.addFolder(each);
            } else if (Files.isRegularFile(each)) {
                all.addJar(each);
            }
        }
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, main);
        try (OutputStream out = Files.newOutputStream(jar); JarOutputStream zip = new JarOutputStream(out)) {
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            manifest.write(text);
            put(zip, "META-INF/MANIFEST.MF", text.toByteArray());
            for (Map.Entry<String, byte[]> entry : all.entries.entrySet()) {
                put(zip, entry.getKey(), entry.getValue());
            }
        }
    }

    /** Whether this class path has a class, as its files tell. */
    static boolean has(List<Path> classPath, String name) throws IOException {
        for (Path each : classPath) {
            if (Files.isRegularFile(each.resolve(name + CLASS))) {
                return true;
            }
            if (Files.isRegularFile(each)) {
                try (ZipFile jar = new ZipFile(each.toFile())) {
                    if (jar.getEntry(name + CLASS) != null) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private static void put(JarOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        entry.setTimeLocal(ALWAYS);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(checksum(content));
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    private static long checksum(byte[] content) {
        CRC32 checksum = new CRC32();
        checksum.update(content);
        return checksum.getValue();
    }

    private void addFolder(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                add(folder, folder.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
    }

    private void addJar(Path jar) throws IOException {
        try (InputStream in = Files.newInputStream(jar); ZipInputStream zip = new ZipInputStream(in)) {
            for (ZipEntry entry; (entry = zip.getNextEntry()) != null;) {
                if (!entry.isDirectory()) {
                    add(jar, entry.getName(), zip.readAllBytes());
                }
            }
        }
    }

    /** The first file of a name counts, as on a class path; of those that name services, all count. */
    private void add(Path from, String name, byte[] content) {
        if (name.startsWith(SERVICES)) {
            entries.merge(name, content, FatJar::join);
        } else if (isLicense(name)) {
            String file = name.substring(name.lastIndexOf('/') + 1);
            entries.putIfAbsent(LICENSES + from.getFileName() + "/" + file, content);
        } else if (name.startsWith(LICENSES) || isOfAnyJar(name)) {
            entries.putIfAbsent(name, content);
        }
    }

    private static boolean isLicense(String name) {
        return name.matches("(?:META-INF/)?[^/]*(?i:LICENSE|NOTICE)[^/]*") && !name.endsWith(CLASS);
    }

    /** Not what says something of one jar: manifests, signatures, modules, classes for other Javas. */
    private static boolean isOfAnyJar(String name) {
        return !name.equals("module-info.class") && !name.startsWith("META-INF/");
    }

    private static byte[] join(byte[] one, byte[] other) {
        if (Arrays.equals(one, other)) {
            return one;
        }
        ByteArrayOutputStream both = new ByteArrayOutputStream();
        both.writeBytes(one);
        both.write('\n');
        both.writeBytes(other);
        return both.toByteArray();
    }
}
