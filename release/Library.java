// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/**
 * A library of the jar, as its POM in the local Maven repository tells.
 *
 * @param licences SPDX identifiers, or the name that the POM has where none is known
 * @param needs the libraries that it declares for compiling and running, as GROUP:NAME
 */
record Library(String group, String name, String version, Path jar, List<String> licences, List<String> needs) {
    /** The identifier by the licence's address, which is written in fewer ways than its name. */
    private static final Map<String, String> SPDX = Map.of("apache.org/licenses/LICENSE-2.0", "Apache-2.0",
            "opensource.org/licenses/mit-license.php", "MIT", "opensource.org/license/mit", "MIT",
            "opensource.org/licenses/MIT", "MIT", "golang.org/LICENSE", "BSD-3-Clause");

    /** @param jar in a local repository, beside its POM; the POMs of its parents are there, too */
    static Library read(Path jar) throws IOException {
        Path version = jar.getParent();
        Path pom = version.resolve(version.getParent().getFileName() + "-" + version.getFileName() + ".pom");
        Element project = parse(pom);
        String group = text(project, "groupId").or(() -> child(project, "parent").flatMap(e -> text(e, "groupId")))
                .orElseThrow(() -> new IOException("no groupId in " + pom));
        Path repository = version.getParent().getParent();
        for (int i = 0; i < group.split("\\.").length; i++) {
            repository = repository.getParent();
        }
        return new Library(group, version.getParent().getFileName().toString(), version.getFileName().toString(), jar,
                licences(project, repository), needs(project, group));
    }

    /** As Maven inherits them: the nearest POM that has any. */
    private static List<String> licences(Element project, Path repository) throws IOException {
        Optional<Element> own = child(project, "licenses");
        if (own.isPresent()) {
            return children(own.get()).map(Library::licence).toList();
        }
        Optional<Element> parent = child(project, "parent");
        return parent.isEmpty() ? List.of() : licences(parse(pom(parent.get(), repository)), repository);
    }

    private static String licence(Element licence) {
        String address = text(licence, "url").orElse("");
        return SPDX.entrySet().stream().filter(known -> address.contains(known.getKey())).map(Map.Entry::getValue)
                .findFirst().or(() -> text(licence, "name")).orElse(address);
    }

    /** Whether that is an SPDX identifier; a licence without one is told by its name. */
    static boolean isIdentifier(String licence) {
        return SPDX.containsValue(licence);
    }

    private static Path pom(Element parent, Path repository) throws IOException {
        List<String> names = new ArrayList<>();
        for (String tag : List.of("groupId", "artifactId", "version")) {
            names.add(text(parent, tag).orElseThrow(() -> new IOException("a parent without " + tag)));
        }
        return repository.resolve(names.get(0).replace('.', '/')).resolve(names.get(1)).resolve(names.get(2))
                .resolve(names.get(1) + "-" + names.get(2) + ".pom");
    }

    private static List<String> needs(Element project, String group) {
        return child(project, "dependencies").stream().flatMap(Library::children)
                .filter(each -> !text(each, "scope").orElse("compile").matches("test|provided|system"))
                .map(each -> text(each, "groupId").orElse("").replace("${project.groupId}", group) + ":"
                        + text(each, "artifactId").orElse(""))
                .toList();
    }

    /** GROUP:NAME */
    String id() {
        return group + ":" + name;
    }

    /** Its package URL. */
    String address() {
        return "pkg:maven/" + group + "/" + name + "@" + version + "?type=jar";
    }

    // ---- XML

    private static Element parse(Path pom) throws IOException {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            return factory.newDocumentBuilder().parse(Files.newInputStream(pom)).getDocumentElement();
        } catch (ParserConfigurationException | SAXException e) {
            throw new IOException("cannot read " + pom + ": " + e.getMessage());
        }
    }

    private static Stream<Element> children(Element of) {
        Stream<Node> all = Stream.iterate(of.getFirstChild(), node -> node != null, Node::getNextSibling);
        return all.filter(Element.class::isInstance).map(Element.class::cast);
    }

    private static Optional<Element> child(Element of, String tag) {
        return children(of).filter(each -> each.getTagName().equals(tag)).findFirst();
    }

    private static Optional<String> text(Element of, String tag) {
        return child(of, tag).map(each -> each.getTextContent().strip());
    }
}
