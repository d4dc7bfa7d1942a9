variable "REGISTRY" { default = "registry.example.com/fleet" }
variable "VERSION" { default = "1.4" }
variable "CACHE" { default = "" }
variable "KEY" { default = "" }
group "default" { targets = ["app", "httpd"] }
target "app" {
  name = "app-${tgt}"
  matrix = { tgt = ["app", "events"] }
  context = "./"
  target = tgt
  dockerfile = "docker/Dockerfile"
  platforms = ["linux/amd64"]
  tags = notequal("", REGISTRY) ? formatlist("${REGISTRY}:${tgt}-%s", compact(["latest", VERSION])) : []
  secret = ["type=file,id=auth,src=./auth.json"]
  args = { KEY = "${KEY}" }
  cache-from = notequal("", CACHE) ? ["${CACHE}"] : []
  cache-to = notequal("", CACHE) ? ["${CACHE},mode=max,ignore-error=true"] : []
}
target "httpd" {
  context = "./"
  dockerfile = "docker/httpd/Dockerfile"
  tags = ["${REGISTRY}:httpd"]
}
