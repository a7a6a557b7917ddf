// The CRDs of crds/ as JSON, for tests that hold code and documents against them.
#pragma once
#include "object/decode.h"
#include "support/catch.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace gitsync::api {

/// The checkout that this test was built from.
inline std::filesystem::path source_root() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
}

inline std::string read_source_file(const std::filesystem::path& path) {
  std::ifstream in(source_root() / path, std::ios::binary);
  INFO("reading " << path);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// crds/<plural>.yaml
inline nlohmann::json load_crd(const std::string& plural) {
  const std::string file = "crds/" + plural + ".yaml";
  const auto crd = yaml_to_json(file, read_source_file(file));
  INFO((crd ? std::string() : crd.error().text()));
  REQUIRE(crd);
  return *crd;
}

inline nlohmann::json schema_of(const nlohmann::json& crd) {
  return crd.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema");
}

} // namespace gitsync::api
