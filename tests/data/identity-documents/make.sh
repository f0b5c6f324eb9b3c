#!/usr/bin/env bash
# Makes every fixture of this folder anew, with new keys. The keys are not kept.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
export LC_ALL=C

keys=$(mktemp -d)
trap 'rm -rf -- "$keys"' EXIT

# certificate NAME: self-signed with the key of that name, valid for 100 years.
certificate() {
    openssl req -new -x509 -days 36500 -key "$keys/$1.key" -out "$1.pem" \
        -subj "/C=US/ST=Washington State/L=Seattle/O=Example Web Services LLC/CN=$1"
}

# AWS has a q of 160 bits, which is not the default for 1024 bits.
openssl genpkey -quiet -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 \
    -pkeyopt dsa_paramgen_q_bits:160 -out "$keys/dsa1024.parameters"
openssl genpkey -quiet -paramfile "$keys/dsa1024.parameters" -out "$keys/dsa1024.key"
for bits in 1024 2048; do
    openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out "$keys/rsa$bits.key"
done
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/ecp256.key"
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$keys/ecp384.key"
for name in dsa1024 rsa1024 rsa2048 ecp256 ecp384; do certificate "$name"; done

# message FILE KEY DIGEST OPTION...: base64 in lines of 64 characters, without armour.
message() {
    local file=$1 key=$2 digest=$3
    shift 3
    openssl smime -sign -nodetach -binary -md "$digest" -signer "$key.pem" -inkey "$keys/$key.key" \
        -in document.json -outform DER "$@" | openssl base64 >"$file.p7.b64"
}

# As the metadata service gives them: BER with indefinite lengths, content in pieces, no certificate.
message pkcs7 dsa1024 sha1 -nocerts -stream -indef
message rsa2048 rsa2048 sha256 -nocerts -stream -indef
# The other shapes.
message dsa1024-sha1-attributes-certificate dsa1024 sha1
message dsa1024-sha1-noattributes dsa1024 sha1 -nocerts -noattr
message dsa1024-sha256-attributes dsa1024 sha256 -nocerts
message rsa1024-sha1-attributes rsa1024 sha1 -nocerts
message rsa1024-sha256-noattributes rsa1024 sha256 -nocerts -noattr
message rsa1024-sha512-attributes-certificate rsa1024 sha512
message rsa2048-sha1-noattributes rsa2048 sha1 -nocerts -noattr
message rsa2048-sha384-attributes rsa2048 sha384 -nocerts
message rsa2048-sha512-noattributes-certificate rsa2048 sha512 -noattr
message ecp256-sha256-attributes ecp256 sha256 -nocerts
message ecp384-sha384-noattributes ecp384 sha384 -nocerts -noattr
message dsa1024-and-rsa2048-attributes dsa1024 sha1 -nocerts -signer rsa2048.pem -inkey "$keys/rsa2048.key"
# Must be refused: no content inside, and a digest that is not known.
openssl smime -sign -binary -md sha256 -signer rsa2048.pem -inkey "$keys/rsa2048.key" -nocerts \
    -in document.json -outform DER | openssl base64 >refused-no-content.p7.b64
message refused-md5 rsa2048 md5 -nocerts

# Detached signatures, base64 of the bare signature.
for bits in 1024 2048; do
    openssl dgst -sha256 -sign "$keys/rsa$bits.key" -binary document.json | openssl base64 >"rsa$bits.signature.b64"
done
