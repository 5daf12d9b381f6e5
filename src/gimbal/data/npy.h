// NumPy's .npy files: float32, float64 and int64, C order, little-endian, headers of versions 1, 2 and 3.
//
// Format: "\x93NUMPY", major, minor, header length (2 bytes little-endian in version 1, 4 in 2 and 3), then a Python dict
// literal
// {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), } padded with blanks and a newline to a multiple of 64, then the
// values. (numpy/lib/format.py, "Format Version 1.0" to "3.0".) Everything else is refused with what was found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::data {

struct NpyArray {
  std::vector<std::size_t> shape;  // empty: a single value
  std::variant<std::vector<double>, std::vector<float>, std::vector<std::int64_t>> values;

  std::size_t size() const;                // the product of the shape
  std::string_view dtype() const;          // "float64", "float32" or "int64"
  std::vector<double> to_doubles() const;  // int64 beyond 2^53 rounds
};

// Errors: corrupted for anything that is not such a file: magic, version, header syntax, keys, Fortran order, other types,
// big-endian, a size that does not match the shape. `name` stands in messages.
Result<NpyArray> parse_npy(std::string_view bytes, std::string_view name);
Result<NpyArray> read_npy(const std::string& path);  // .gz by suffix
// Two dimensions, any of the three types, as doubles. Errors: also invalid_argument for another number of dimensions.
Result<Matrix> read_npy_matrix(const std::string& path);

// The bytes of a version 1 file (version 2 when the header needs more than 65535 bytes), for write_atomic.
// shape must match the number of values (GIMBAL_CHECK).
std::string npy_bytes(const NpyArray& array);
std::string npy_bytes(const Matrix& matrix);

}  // namespace gimbal::data
