# Part of the configuration of an OpenBao server (2.5 or newer): it gets the plugin from a registry.
plugin_directory     = "/etc/openbao/plugins"
plugin_auto_register = true

# A node whose image cannot be had does not start with an old one.
plugin_download_behavior = "fail"

plugin "auth" "aws" {
  image   = "registry.example.com/vault-plugin-auth-aws"
  version = "v0.1.0"

  # Of the binary, not of the image: build_layout.py prints it. Nodes of another architecture have another.
  sha256sum = "0000000000000000000000000000000000000000000000000000000000000000"
}
