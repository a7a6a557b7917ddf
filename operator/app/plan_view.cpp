#include "app/plan_view.h"

#include "base/text.h"

namespace gitsync::app {
namespace {

std::string tame(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

std::string_view sign_of(ObjectPreview::Action action) {
  switch (action) {
  case ObjectPreview::Action::Create: return "+";
  case ObjectPreview::Action::Delete: return "-";
  case ObjectPreview::Action::Adopt: return ">";
  case ObjectPreview::Action::Change: break;
  }
  return "~";
}

std::string field_text(const FieldChange& field) {
  if (!field.before) return cat("+ ", field.path, ": ", field.after.value_or(""));
  if (!field.after) return cat("- ", field.path, ": ", *field.before);
  return cat("~ ", field.path, ": ", *field.before, " → ", *field.after);
}

} // namespace

std::string plan_text(const Preview& preview) {
  std::string out;
  for (const auto& object : preview.objects) {
    out += cat(sign_of(object.action), " ", tame(object.object), object.note.empty() ? "" : cat("  (", tame(object.note), ")"),
               "\n");
    if (!object.error.empty()) out += cat("    ! ", tame(object.error), "\n");
    for (const auto& field : object.fields) out += cat("    ", tame(field_text(field)), "\n");
    if (object.more_fields > 0) out += cat("    … and ", object.more_fields, " more fields\n");
  }
  if (preview.more_objects > 0) out += cat("… and ", preview.more_objects, " more objects\n");
  return out;
}

} // namespace gitsync::app
