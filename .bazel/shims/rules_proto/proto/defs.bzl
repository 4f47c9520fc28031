"""Forwards to Bazel's native protocol buffer rules, which this repository does not use itself."""

proto_lang_toolchain = native.proto_lang_toolchain
proto_library = native.proto_library
