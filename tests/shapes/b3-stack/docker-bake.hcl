variable "OWNER" { default = "stack" }
function "tags" {
  params = [image]
  result = ["${OWNER}/${image}:latest", "${OWNER}/${image}:edge"]
}
group "default" { targets = ["scipy", "minimal", "base"] }
target "_default" {
  args = { OWNER = OWNER }
  platforms = ["linux/amd64", "linux/arm64"]
}
target "base" {
  inherits = ["_default"]
  context = "base"
  tags = tags("base")
}
target "minimal" {
  inherits = ["_default"]
  context = "minimal"
  tags = tags("minimal")
}
target "scipy" {
  inherits = ["_default"]
  context = "scipy"
  tags = tags("scipy")
  platforms = ["linux/amd64"]
}
