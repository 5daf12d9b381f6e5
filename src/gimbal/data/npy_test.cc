#include "gimbal/data/npy.h"

#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"

namespace gimbal::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file of version `major`.0 with this header text and these bytes.
std::string file(std::string_view header, std::string_view body, int major = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(major);
  out += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) out += static_cast<char>((header.size() >> (8 * i)) & 0xFF);
  return out + std::string(header) + std::string(body);
}

template <typename T>
std::string raw(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

std::string error_of(std::string_view bytes) {
  auto array = parse_npy(bytes, "s.npy");
  if (array) return "no error";
  EXPECT_EQ(array.error().code, ErrorCode::kCorrupted);
  return array.error().text();
}

TEST(Npy, ReadsTheThreeTypesAndVersions) {
  const auto a =
      parse_npy(file("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }\n", raw<double>({1.5, -2})), "s.npy");
  ASSERT_TRUE(a) << a.error().text();
  EXPECT_THAT(a->shape, ElementsAre(2, 1));
  EXPECT_EQ(a->dtype(), "float64");
  EXPECT_THAT(a->to_doubles(), ElementsAre(1.5, -2));
  const auto b = parse_npy(file("{\"shape\":(3,),'fortran_order':False,'descr':'<f4'}", raw<float>({1, 2, 0.5f}), 2), "s.npy");
  ASSERT_TRUE(b) << b.error().text();
  EXPECT_EQ(b->dtype(), "float32");
  EXPECT_THAT(b->to_doubles(), ElementsAre(1, 2, 0.5));
  const auto c =
      parse_npy(file("{'descr': '<i8', 'fortran_order': False, 'shape': ()}  \n", raw<std::int64_t>({-7}), 3), "s.npy");
  ASSERT_TRUE(c) << c.error().text();
  EXPECT_EQ(c->dtype(), "int64");
  EXPECT_THAT(c->to_doubles(), ElementsAre(-7));
  EXPECT_EQ(parse_npy(file("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 5), }", ""), "s.npy")->size(), 0u);
}

TEST(Npy, WritesWhatItReadsAndAlignsTheValues) {
  NpyArray array;
  array.shape = {2, 3};
  array.values = std::vector<float>{1, 2, 3, 4, 5, std::nanf("")};
  const std::string bytes = npy_bytes(array);
  EXPECT_EQ((bytes.size() - 24) % 64, 0u);
  EXPECT_EQ(bytes.substr(10, 58), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ");
  const auto back = parse_npy(bytes, "s.npy");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->shape, array.shape);
  EXPECT_EQ(npy_bytes(*back), bytes);

  const Matrix matrix(2, 2, std::vector<double>{0.1, 1e300, -0.0, 4});
  auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  for (const char* name : {"m.npy", "m.npy.gz"}) {
    const std::string path = (folder->path() / name).string();
    ASSERT_TRUE(write_atomic(path, npy_bytes(matrix)));
    const auto read = read_npy_matrix(path);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(*read, matrix);
  }
  const std::string path = (folder->path() / "v.npy").string();
  ASSERT_TRUE(write_atomic(path, npy_bytes(NpyArray{{3}, std::vector<std::int64_t>{1, 2, 3}})));
  EXPECT_THAT(read_npy_matrix(path).error().text(), HasSubstr("expected an array of two dimensions, found the shape (3,)"));
  EXPECT_THROW(npy_bytes(NpyArray{{4}, std::vector<double>{1}}), CheckFailure);
}

TEST(Npy, RefusesEverythingElseWithTheReason) {
  const std::string body = raw<double>({1, 2});
  EXPECT_THAT(error_of(""), HasSubstr("s.npy: not an array file that can be read: it does not begin with NumPy's magic bytes"));
  EXPECT_THAT(error_of("a,b\n1,2\n"), HasSubstr("magic bytes"));
  EXPECT_THAT(error_of(file("", "", 4)), HasSubstr("expected format version 1.0, 2.0 or 3.0, found 4.0"));
  const auto header = [&](std::string_view text) { return error_of(file(text, body)); };
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': True, 'shape': (2,), }"), HasSubstr("Fortran order"));
  EXPECT_THAT(header("{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }"), HasSubstr("found \">f8\""));
  EXPECT_THAT(header("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"), HasSubstr("found \"|O\""));
  EXPECT_THAT(header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }"), HasSubstr("structured"));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"),
              HasSubstr("the shape (3,) of <f8 needs 24 bytes, found 16"));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"), HasSubstr("needs 8 bytes, found 16"));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False, 'shape': (2), }"), HasSubstr("a tuple of sizes"));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }"), HasSubstr("a tuple of sizes"));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }"),
              HasSubstr("more than can be counted"));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }"),
              HasSubstr("a tuple of sizes"));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False}"), HasSubstr("expected the keys"));
  EXPECT_THAT(header("{'descr': '<f8', 'descr': '<f8'}"), HasSubstr("stands twice"));
  EXPECT_THAT(header("{'descr': '<f8', 'extra': True}"), HasSubstr("unknown key \"extra\""));
  EXPECT_THAT(header("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), } x"), HasSubstr("text after the dict"));
  EXPECT_THAT(header("import os"), HasSubstr("expected a Python dict"));
  const std::string good = file("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n", body);
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(parse_npy(std::string_view(good).substr(0, n), "s.npy")) << n;
}

}  // namespace
}  // namespace gimbal::data
