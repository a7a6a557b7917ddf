#include "report/process.h"

#include "support/catch.h"

#include <fcntl.h>
#include <unistd.h>
#include <vector>

using namespace gitsync::report;

TEST_CASE("process: a stat line, whatever the command is called", "[report]") {
  const auto stat = parse_stat(
      "4242 (git) sync (x) S 1 2 3 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 3 0 987654 123456789 4321 18446744073709551615 1\n");
  REQUIRE(stat);
  CHECK(stat->cpu_ticks == 300);
  CHECK(stat->start_ticks == 987654);
  CHECK(stat->virtual_bytes == 123456789);
  CHECK(stat->resident_pages == 4321);
}

TEST_CASE("process: what is no stat line", "[report]") {
  CHECK_FALSE(parse_stat(""));
  CHECK_FALSE(parse_stat("4242 (x) S 1 2 3"));
  CHECK_FALSE(parse_stat("4242 x S 1 2 3 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 3 0 987654 123456789 4321 1"));
  CHECK_FALSE(parse_stat("4242 (x) S 1 2 3 0 -1 4194560 100 0 0 0 many 50 9 9 20 0 3 0 987654 123456789 4321 1"));
}

TEST_CASE("process: boot time", "[report]") {
  CHECK(parse_boot_time("cpu  1 2\nintr 5\nbtime 1700000000\nprocesses 1\n") == 1'700'000'000U);
  CHECK_FALSE(parse_boot_time("cpu 1 2\nxbtime 3\n"));
}

TEST_CASE("process: this process", "[report]") {
  const ProcessStats before = read_process_stats();
  CHECK(before.resident_bytes > 100'000);
  CHECK(before.virtual_bytes >= before.resident_bytes);
  CHECK(before.start_time_seconds > 1'600'000'000);
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  CHECK(read_process_stats().open_fds == before.open_fds + 1);
  close(fd);
}
