#include "gimbal/data/npy.h"

#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"
#include "gimbal/base/text.h"

namespace gimbal::data {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they stand in the file");
constexpr std::string_view kMagic = "\x93NUMPY";

// The dict literal of a header: 'key': value pairs where a value is a string, True, False or a tuple of integers.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  struct Header {
    std::string descr;
    bool fortran_order = false;
    std::vector<std::size_t> shape;
  };

  // nullopt: not such a literal; `problem()` says why.
  std::optional<Header> parse() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    if (!take('{')) return stop("expected a Python dict");
    while (!take('}')) {
      const auto key = string();
      if (!key || !take(':')) return stop("expected a quoted key and ':'");
      bool* seen = *key == "descr" ? &has_descr : *key == "fortran_order" ? &has_order : *key == "shape" ? &has_shape : nullptr;
      if (!seen) return stop("unknown key " + gimbal::quoted(*key));
      if (*seen) return stop("the key " + gimbal::quoted(*key) + " stands twice");
      *seen = true;
      if (seen == &has_descr) {
        const auto value = string();
        if (!value) return stop("expected one plain type in 'descr' (structured types are not supported)");
        header.descr = *value;
      } else if (seen == &has_order) {
        const auto value = boolean();
        if (!value) return stop("expected True or False in 'fortran_order'");
        header.fortran_order = *value;
      } else {
        auto value = tuple();
        if (!value) return stop("expected a tuple of sizes in 'shape'");
        header.shape = std::move(*value);
      }
      if (!take(',') && !peek('}')) return stop("expected ',' or '}'");
    }
    skip_blanks();
    if (at_ != text_.size()) return stop("found text after the dict");
    if (!has_descr || !has_order || !has_shape) return stop("expected the keys 'descr', 'fortran_order' and 'shape'");
    return header;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::optional<Header> stop(std::string problem) {
    problem_ = std::move(problem);
    return std::nullopt;
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  bool peek(char c) {
    skip_blanks();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    if (!peek(c)) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::optional<std::string> string() {
    const char quote = peek('\'') ? '\'' : peek('"') ? '"' : '\0';
    if (quote == '\0') return std::nullopt;
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    if (value.find('\\') != std::string::npos) return std::nullopt;
    at_ = end + 1;
    return value;
  }
  std::optional<bool> boolean() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    return std::nullopt;
  }
  std::optional<std::vector<std::size_t>> tuple() {
    std::vector<std::size_t> sizes;
    if (!take('(')) return std::nullopt;
    bool comma = true;
    while (!take(')')) {
      if (!comma || sizes.size() == 32) return std::nullopt;  // NumPy's own limit was 32 dimensions until 2.0
      skip_blanks();
      std::size_t value = 0;
      const std::size_t start = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
        const auto digit = static_cast<std::size_t>(text_[at_++] - '0');
        if (value > (std::numeric_limits<std::size_t>::max() - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
      }
      if (at_ == start) return std::nullopt;
      sizes.push_back(value);
      comma = take(',');
    }
    if (sizes.size() == 1 && !comma) return std::nullopt;  // (3) is a number, not a tuple
    return sizes;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string problem_;
};

template <typename T>
std::vector<T> values_of(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// Bytes of an array, or nullopt when they do not fit in a size.
std::optional<std::size_t> byte_count(const std::vector<std::size_t>& shape, std::size_t item) {
  std::size_t count = item;
  for (const std::size_t size : shape) {
    if (size == 0) return 0;
  }
  for (const std::size_t size : shape) {
    if (count > std::numeric_limits<std::size_t>::max() / size) return std::nullopt;
    count *= size;
  }
  return count;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  if (shape.size() == 1) return fmt::format("({},)", shape[0]);
  return fmt::format("({})", fmt::join(shape, ", "));
}

template <typename... Args>
tl::unexpected<Error> corrupted(std::string_view name, fmt::format_string<Args...> format, Args&&... args) {
  return fail_at(std::string(name), ErrorCode::kCorrupted, "not an array file that can be read: {}",
                 fmt::format(format, std::forward<Args>(args)...));
}

std::string header_bytes(std::string_view descr, const std::vector<std::size_t>& shape) {
  std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, shape_text(shape));
  // The values begin at a multiple of 64 so that they can be mapped into memory.
  const bool version1 = dict.size() + 64 <= 65535;
  const std::size_t before = kMagic.size() + 2 + (version1 ? 2 : 4);
  dict.append(63 - (before + dict.size()) % 64, ' ');
  dict += '\n';
  std::string out(kMagic);
  out += version1 ? '\x01' : '\x02';
  out += '\0';
  const auto length = static_cast<std::uint32_t>(dict.size());
  for (int i = 0; i < (version1 ? 2 : 4); ++i) out += static_cast<char>((length >> (8 * i)) & 0xFF);
  return out + dict;
}

template <typename T>
std::string with_values(std::string header, std::span<const T> values) {
  const std::size_t start = header.size();
  header.resize(start + values.size_bytes());
  if (!values.empty()) std::memcpy(header.data() + start, values.data(), values.size_bytes());
  return header;
}

}  // namespace

std::size_t NpyArray::size() const {
  std::size_t count = 1;
  for (const std::size_t n : shape) count *= n;
  return count;
}

std::string_view NpyArray::dtype() const {
  constexpr std::string_view kNames[] = {"float64", "float32", "int64"};
  return kNames[values.index()];
}

std::vector<double> NpyArray::to_doubles() const {
  return std::visit([](const auto& items) { return std::vector<double>(items.begin(), items.end()); }, values);
}

Result<NpyArray> parse_npy(std::string_view bytes, std::string_view name) {
  if (!bytes.starts_with(kMagic)) return corrupted(name, "it does not begin with NumPy's magic bytes");
  bytes.remove_prefix(kMagic.size());
  if (bytes.size() < 2) return corrupted(name, "it ends inside the header");
  const int major = static_cast<unsigned char>(bytes[0]);
  const int minor = static_cast<unsigned char>(bytes[1]);
  if (major < 1 || major > 3 || minor != 0)
    return corrupted(name, "expected format version 1.0, 2.0 or 3.0, found {}.{}", major, minor);
  bytes.remove_prefix(2);
  const std::size_t width = major == 1 ? 2 : 4;
  if (bytes.size() < width) return corrupted(name, "it ends inside the header");
  std::size_t length = 0;
  for (std::size_t i = 0; i < width; ++i) length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  bytes.remove_prefix(width);
  if (bytes.size() < length) return corrupted(name, "expected a header of {} bytes, found {}", length, bytes.size());

  HeaderParser parser(bytes.substr(0, length));
  const auto header = parser.parse();
  if (!header) return corrupted(name, "bad header: {}", parser.problem());
  bytes.remove_prefix(length);
  if (header->fortran_order) return corrupted(name, "it is in Fortran order; save it with numpy.ascontiguousarray");
  const std::size_t item = header->descr == "<f8" || header->descr == "<i8" ? 8 : header->descr == "<f4" ? 4 : 0;
  if (item == 0) {
    return corrupted(name, "expected float64, float32 or int64 (\"<f8\", \"<f4\", \"<i8\"), found {}",
                     gimbal::quoted(header->descr));
  }
  const auto expected = byte_count(header->shape, item);
  if (!expected || *expected != bytes.size()) {
    return corrupted(name, "the shape {} of {} needs {} bytes, found {}", shape_text(header->shape), header->descr,
                     expected ? fmt::format("{}", *expected) : "more than can be counted", bytes.size());
  }
  NpyArray array;
  array.shape = header->shape;
  if (header->descr == "<f8")
    array.values = values_of<double>(bytes);
  else if (header->descr == "<f4")
    array.values = values_of<float>(bytes);
  else
    array.values = values_of<std::int64_t>(bytes);
  return array;
}

Result<NpyArray> read_npy(const std::string& path) {
  GIMBAL_TRY(const std::string bytes, read_file(path));
  return parse_npy(bytes, path == "-" ? "standard input" : path);
}

Result<Matrix> read_npy_matrix(const std::string& path) {
  GIMBAL_TRY(NpyArray array, read_npy(path));
  if (array.shape.size() != 2) {
    return fail_at(path, ErrorCode::kInvalidArgument, "expected an array of two dimensions, found the shape {}",
                   shape_text(array.shape));
  }
  auto* doubles = std::get_if<std::vector<double>>(&array.values);
  return Matrix(array.shape[0], array.shape[1], doubles ? std::move(*doubles) : array.to_doubles());
}

std::string npy_bytes(const NpyArray& array) {
  return std::visit(
      [&](const auto& values) {
        using T = typename std::decay_t<decltype(values)>::value_type;
        GIMBAL_CHECK(values.size() == array.size(), "the shape of an array matches its values");
        const char* descr = std::is_same_v<T, double> ? "<f8" : std::is_same_v<T, float> ? "<f4" : "<i8";
        return with_values<T>(header_bytes(descr, array.shape), values);
      },
      array.values);
}

std::string npy_bytes(const Matrix& matrix) {
  return with_values<double>(header_bytes("<f8", {matrix.rows(), matrix.cols()}), matrix.values());
}

}  // namespace gimbal::data
