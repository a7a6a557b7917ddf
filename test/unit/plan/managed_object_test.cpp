#include "plan/managed_object.h"

#include "support/catch.h"

#include <random>

using namespace gitsync;

TEST_CASE("a body gives back what it was given", "[plan]") {
  std::mt19937 random(1);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1023}, size_t{1024}, size_t{1025}, size_t{100'000}, size_t{3} << 20}) {
    CAPTURE(size);
    std::string text(size, 'x');
    for (auto& c : text) c = static_cast<char>(random());
    const Body body(text);
    CHECK(body.size() == size);
    CHECK(body.empty() == (size == 0));
    CHECK((body.json() == text)); // parenthesised: a difference isn't printed
  }
  CHECK(Body().empty());
  CHECK(Body().json() == "");
}

TEST_CASE("the largest file that is read has a body that can be sent", "[plan]") {
  // DecodeBudget allows a text of so many bytes; its JSON may be longer than its YAML.
  const std::string text(17u << 20, 'x');
  const Body body(text);
  std::string back;
  CHECK_NOTHROW(back = body.json());
  CHECK((back == text));
}

TEST_CASE("the table keeps objects by identity, at the same address", "[plan]") {
  ObjectTable table;
  const auto sync = std::make_shared<SyncFacts>(SyncFacts{.owner = "shop/web"});
  const ObjectRef first{"", "ConfigMap", "shop", "a"};
  CHECK(table.find(first) == nullptr);
  auto& object = table.get(first, sync);
  CHECK(object.ref == first);
  CHECK(object.sync == sync);
  for (int i = 0; i < 1'000; ++i) table.get({"", "ConfigMap", "shop", "n" + std::to_string(i)}, sync);
  CHECK(&table.get(first, std::make_shared<SyncFacts>()) == &object);
  CHECK(object.sync == sync); // whose it is doesn't change by asking
  CHECK(table.find(first) == &object);
  // Each part of the identity counts.
  for (const ObjectRef& other : {ObjectRef{"x", "ConfigMap", "shop", "a"}, ObjectRef{"", "Secret", "shop", "a"},
                                 ObjectRef{"", "ConfigMap", "", "a"}, ObjectRef{"", "ConfigMap", "shop", "b"}})
    CHECK(table.find(other) == nullptr);
  table.erase(first);
  CHECK(table.find(first) == nullptr);
  CHECK(table.size() == 1'000);
}
