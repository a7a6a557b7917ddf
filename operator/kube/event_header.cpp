#include "kube/event_header.h"

#include "object/resource_version.h"

#include <nlohmann/json.hpp>

namespace gitsync::kube {
namespace {

using nlohmann::json;

/// Stops the parser (returns false) as soon as the version is read.
class HeaderReader final : public nlohmann::json_sax<json> {
public:
  EventHeader header;
  bool complete = false;

  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (depth_ == 1) in_object_ = name == "object";
    if (depth_ == 2) in_metadata_ = in_object_ && name == "metadata";
    if (depth_ <= 3) key_ = std::move(name);
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ == 1 && key_ == "type") {
      header.type = std::move(value);
      return true;
    }
    if (depth_ != 3 || !in_metadata_) return true;
    if (key_ == "name")
      header.name = std::move(value);
    else if (key_ == "namespace")
      header.ns = std::move(value);
    else if (key_ == "resourceVersion") {
      header.resource_version = std::move(value);
      complete = !header.type.empty() && !header.name.empty();
      return false;
    }
    return true;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
  bool enter() {
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }
  int depth_ = 0;
  bool in_object_ = false, in_metadata_ = false;
  std::string key_;
};

} // namespace

uint64_t EventHeader::version_number() const { return gitsync::version_number(resource_version); }

std::optional<EventHeader> event_header(std::string_view line) {
  HeaderReader reader;
  json::sax_parse(line, &reader, json::input_format_t::json, false);
  if (!reader.complete) return {};
  return std::move(reader.header);
}

} // namespace gitsync::kube
