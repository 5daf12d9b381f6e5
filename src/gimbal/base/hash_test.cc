#include "gimbal/base/hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

#include "gimbal/base/file.h"
#include "support/property.h"

namespace gimbal {
namespace {

using ::testing::HasSubstr;

TEST(Sha256, GivesThePublishedDigests) {  // FIPS 180-4 examples
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, DoesNotDependOnHowTheBytesAreCut) {
  const std::string text(1000, 'x');
  Sha256 hash;
  for (std::size_t i = 0; i < text.size(); i += 7) hash.update(std::string_view(text).substr(i, 7));
  EXPECT_EQ(hash.finish(), sha256(text));
}

TEST(Sha256, WorksOnManyThreads) {
  std::vector<std::thread> threads;
  std::vector<std::string> digests(8);
  for (std::size_t t = 0; t < digests.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) digests[t] = sha256_hex("abc");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& digest : digests) EXPECT_EQ(digest, sha256_hex("abc"));
}

TEST(Sha256, OfAFileIsThatOfItsBytesAsTheyAre) {
  const auto folder = TemporaryFolder::create().value();
  const std::string path = folder.path() / "x.gz";
  const std::string text(200000, 'q');
  ASSERT_TRUE(write_atomic(path, text));
  EXPECT_EQ(sha256_file(path).value(), sha256_hex(compress_gzip(text)));
  const std::string plain = folder.path() / "x";
  ASSERT_TRUE(write_atomic(plain, text));
  EXPECT_EQ(sha256_file(plain).value(), sha256_hex(text));
  const Error error = sha256_file(folder.path() / "none").error();
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_FALSE(sha256_file(folder.path())) << "a folder has no bytes";
}

TEST(Hash64, IsTheSameForEver) {
  EXPECT_EQ(hash64("37+58="), 0x5e0199db9dd3020fULL);
  EXPECT_EQ(hash64(""), 0x141cfc9842c4b0e3ULL);  // the first 8 bytes of the digest of nothing, little-endian
}

TEST(Hex, IsLowerCase) { EXPECT_EQ(hex(std::string_view("\x00\xff\x1a", 3)), "00ff1a"); }

TEST(Base64, GivesTheExamplesOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> examples = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text).value(), bytes);
  }
}

TEST(Base64, RoundTripsRandomBytes) {
  testing::for_each_case(1, 2000, [](Stream& s) {
    std::string bytes;
    for (std::size_t n = s.below(40); n > 0; --n) bytes += static_cast<char>(s.next());
    ASSERT_EQ(base64_decode(base64_encode(bytes)).value(), bytes);
  });
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
  EXPECT_THAT(base64_decode("Zg=").error().message, HasSubstr("groups of 4 characters, found 3"));
  EXPECT_THAT(base64_decode("Zg!=").error().message, HasSubstr("character 3 is not base64"));
  EXPECT_THAT(base64_decode("Zh==").error().message, HasSubstr("bits that no byte uses"));
  for (const char* bad : {"====", "Z===", "Zg==Zg==", "Zm\n9", "Z=g="}) EXPECT_FALSE(base64_decode(bad)) << bad;
}

// The known answer is the one that the XXH3 specification gives for no bytes.
TEST(Hash128, IsXxh3AndTellsTextsApart) {
  EXPECT_EQ(hash128(""), (Hash128{0x6001c324468d497full, 0x99aa06d3014798d8ull}));
  EXPECT_EQ(hash128("gimbal"), hash128(std::string("gimbal")));
  std::set<Hash128> seen;
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    seen.insert(hash128(text));
    text += static_cast<char>(i % 7);
  }
  EXPECT_EQ(seen.size(), 2000u);
}

}  // namespace
}  // namespace gimbal
