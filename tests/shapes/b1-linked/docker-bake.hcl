group "default" { targets = ["content", "search"] }
group "content" { targets = ["repository"] }
group "search" { targets = ["indexer"] }
variable "PRODUCT" { default = "Demo" }
variable "JAVA" { default = "17" }
variable "SOURCE" { default = "https://example.com/$PRODUCT" }
target "java_base" {
  dockerfile = "./java/Dockerfile"
  args = { JAVA = "${JAVA}" }
  labels = {
    "org.example.title" = "${PRODUCT} Java"
    "org.example.source" = "$SOURCE"
  }
  tags = ["linked-base-java:jre${JAVA}"]
  output = ["type=cacheonly"]
}
target "server_base" {
  dockerfile = "./server/Dockerfile"
  inherits = ["java_base"]
  contexts = { java_base = "target:java_base" }
  args = { SERVER = "10" }
  labels = { "org.example.title" = "${PRODUCT} Server" }
  tags = []
  output = ["type=cacheonly"]
}
target "repository" {
  context = "./repository"
  dockerfile = "Dockerfile"
  inherits = ["server_base"]
  contexts = { server_base = "target:server_base" }
  tags = ["linked-repository:latest"]
  output = ["type=docker"]
}
target "indexer" {
  name = "linked-indexer-${kind}"
  matrix = { kind = ["path", "content"] }
  args = { KIND = kind }
  dockerfile = "./search/Dockerfile"
  inherits = ["java_base"]
  contexts = { java_base = "target:java_base" }
  tags = ["linked-indexer-${kind}:latest"]
  output = ["type=docker"]
}
