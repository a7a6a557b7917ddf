#include "app/table.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::app;

TEST_CASE("columns are as wide as their widest cell") {
  Table table({"NAME", "READY", "MESSAGE"});
  CHECK(table.rows() == 0);
  table.add({"api", "True", "Applied"});
  table.add({"keycloak-ü", "", ""});
  table.add({"x"}); // what is missing is as if empty
  CHECK(table.rows() == 3);
  CHECK(table.text() == "NAME         READY    MESSAGE\n"
                        "api          True     Applied\n"
                        "keycloak-ü   <none>   <none>\n"
                        "x            <none>   <none>\n");
}

TEST_CASE("nothing from a cluster steers the terminal or shows a password") {
  Table table({"MESSAGE"});
  table.add({"a\x1b[2Jb\nhttps://user:hunter2@host/x"});
  const auto text = table.text();
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(std::ranges::count(text, '\n') == 2);
  CHECK(text.find("hunter2") == std::string::npos);
}

TEST_CASE("durations for people") {
  using namespace std::chrono_literals;
  struct Row {
    std::chrono::seconds duration;
    std::string_view text;
  };
  static constexpr auto day = 24h;
  const auto row = GENERATE(values<Row>({
      {-2s, "<invalid>"},   {-1s, "0s"},         {0s, "0s"},           {119s, "119s"},       {120s, "2m"},
      {310s, "5m10s"},      {599s, "9m59s"},     {600s, "10m"},        {2h + 59min, "179m"}, {3h, "3h"},
      {3h + 5min, "3h5m"},  {8h + 30min, "8h"},  {47h + 59min, "47h"}, {2 * day, "2d"},      {2 * day + 5h, "2d5h"},
      {8 * day + 5h, "8d"}, {729 * day, "729d"}, {730 * day, "2y"},    {731 * day, "2y1d"},  {8 * 365 * day + day, "8y"},
  }));
  CHECK(human_duration(row.duration) == row.text);
}

TEST_CASE("ages") {
  const auto now = *parse_rfc3339("2026-11-23T05:45:56Z");
  CHECK(age("2026-11-23T05:45:00Z", now) == "56s");
  CHECK(age("", now).empty());
  CHECK(age("soon", now).empty());
}
