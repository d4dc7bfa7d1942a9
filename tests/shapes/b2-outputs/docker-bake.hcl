variable "VERSION" { default = null }
variable "DESTDIR" { default = "" }
function "bindir" {
  params = [folder]
  result = DESTDIR != "" ? DESTDIR : "./bin/${folder}"
}
target "_common" {
  args = { VERSION = VERSION, KEEP_GIT_DIR = 1 }
}
group "default" { targets = ["binary", "image", "lint", "checks", "tests"] }
target "binary" {
  inherits = ["_common"]
  target = "binary"
  output = [bindir("build")]
  platforms = ["local"]
}
target "image" {
  inherits = ["_common"]
  tags = ["outputs-image:local"]
  cache-to = ["type=inline"]
  output = ["type=docker"]
}
target "lint" {
  inherits = ["_common"]
  target = "binary"
  output = ["type=cacheonly"]
}
target "checks" {
  tags = ["outputs-checks"]
  call = "check"
}
target "tests" {
  target = "binary"
  output = ["type=docker,name=outputs-tests"]
}
