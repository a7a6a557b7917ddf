#include "object/image_tag.h"

#include <algorithm>

namespace gitsync {
namespace {

constexpr std::string_view long_form = "{sha}", short_form = "{shortSha}";
constexpr size_t short_length = 7; // as CI systems cut it, however many git would need to be unambiguous
constexpr size_t max_tag = 128;
constexpr std::string_view any_commit = "0123456789abcdef0123456789abcdef01234567";

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

} // namespace

bool is_image_tag(std::string_view text) {
  return !text.empty() && text.size() <= max_tag && (is_alnum(text.front()) || text.front() == '_') &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

std::string image_tag(std::string_view form, std::string_view commit) {
  std::string out(form);
  replace_all(out, short_form, commit.substr(0, short_length));
  replace_all(out, long_form, commit);
  return out;
}

std::string_view image_tag_problem(std::string_view form) {
  if (form.find(long_form) == std::string_view::npos && form.find(short_form) == std::string_view::npos)
    return "must contain {sha} or {shortSha}, so that it names the commit";
  if (form.size() > max_tag || !is_image_tag(image_tag(form, any_commit)))
    return "must be a tag with {sha} or {shortSha} in it: letters, digits, \"_\", \".\" and \"-\", at most 128 with the commit";
  return {};
}

} // namespace gitsync
