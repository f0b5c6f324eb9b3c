# The same for a binary that is in the plugin directory already.
plugin_directory     = "/etc/openbao/plugins"
plugin_auto_register = true

plugin "auth" "aws" {
  command   = "vault-plugin-auth-aws-0.1.0"
  version   = "v0.1.0"
  sha256sum = "0000000000000000000000000000000000000000000000000000000000000000"
}
