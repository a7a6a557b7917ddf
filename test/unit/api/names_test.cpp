#include "api/names.h"
#include "support/catch.h"

#include <algorithm>
#include <set>

using namespace gitsync::api;

TEST_CASE("the owner label is a hash that fits a label's value", "[api]") {
  // Stored in clusters: a change of the algorithm would orphan every managed object. Expected value: printf 'shop/api' |
  // sha256sum.
  CHECK(owner_label("shop", "api") == "737a40b9f86be43d87f408a2bd3fbdde726bfb6e");
  const std::string longest = owner_label(std::string(63, 'n'), std::string(253, 'a'));
  CHECK(longest.size() == 40);
  CHECK(longest.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(owner_label("a", "b") != owner_label("b", "a"));
}

TEST_CASE("field managers are readable, and short and printable whatever the name", "[api]") {
  CHECK(field_manager("shop", "api") == "gitsync:shop/api");
  const std::string fits(128 - std::string_view("gitsync:shop/").size(), 'a');
  CHECK(field_manager("shop", fits) == "gitsync:shop/" + fits);

  std::set<std::string> seen;
  const std::vector<std::string> names = {
      fits + "a", fits + "b", std::string(253, 'a'), std::string(253, 'a') + "b", "a b", "a_b", "a\nb", "\xC3\xA4"};
  for (const auto& name : names) {
    const std::string manager = field_manager("shop", name);
    INFO(name << " → " << manager);
    CHECK(manager.size() <= 128);
    CHECK(std::ranges::all_of(manager, [](char c) { return c >= '!' && c <= '~'; }));
    CHECK(is_gitsync_manager(manager));
    CHECK(seen.insert(manager).second);
  }
}

TEST_CASE("only our own field managers are recognised", "[api]") {
  for (const auto* other : {"kubectl", "gitsync", "gitsync-operator", "helm", "", "xgitsync:a/b"}) {
    INFO(other);
    CHECK_FALSE(is_gitsync_manager(other));
  }
}

TEST_CASE("keys of our group are recognised, look-alikes are not", "[api]") {
  for (const auto own : {owner_label_key, owner_annotation_key, inventory_label_key, finalizer_name, requested_at_annotation}) {
    INFO(own);
    CHECK(is_own_key(own));
  }
  for (const auto* other :
       {"gitops.volaticloud.com", "evilgitops.volaticloud.com/x", "gitops.volaticloud.com.evil/x", "x", "", "/x"}) {
    INFO(other);
    CHECK_FALSE(is_own_key(other));
  }
}

TEST_CASE("names of stored Secrets are distinct and valid", "[api]") {
  CHECK(stored_secret_name("api", "inventory", 0) == "gitsync-api-inventory-0");
  const std::string longest(253, 'a');
  std::set<std::string> seen;
  for (const auto& name :
       {std::string("a"), std::string("a-inventory-0"), std::string("a-inventory"), longest, longest.substr(1),
        std::string(200, 'a') + "." + std::string(52, 'b'), std::string(220, 'a') + "-" + std::string(32, 'b')})
    for (const auto* content : {"inventory", "applied"})
      for (const unsigned chunk : {0U, 1U, 12U}) {
        const auto secret = stored_secret_name(name, content, chunk);
        INFO(secret);
        CHECK(secret.size() <= 253);
        CHECK(secret.find(".-") == std::string::npos);
        CHECK(seen.insert(secret).second);
      }
}
