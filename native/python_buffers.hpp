// SPDX-License-Identifier: Apache-2.0
// What every function of the Python face needs: buffers held while they are used, and sizes checked before.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace framedeflate {

namespace nb = nanobind;

// The bytes of any contiguous buffer, held until the end of the call. Acquire and release it with the GIL.
class Bytes {
 public:
  explicit Bytes(nb::handle object, bool writable = false) {
    if (PyObject_GetBuffer(object.ptr(), &view_, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) != 0)
      nb::raise_python_error();
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  Bytes(Bytes&& other) noexcept : view_(other.view_) { other.view_ = {}; }
  Bytes& operator=(Bytes&&) = delete;
  ~Bytes() { PyBuffer_Release(&view_); }

  [[nodiscard]] std::span<std::uint8_t> span() const {
    return {static_cast<std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_ = {};
};

// New bytes of a known size, written before anyone else can see them.
class NewBytes {
 public:
  explicit NewBytes(std::size_t nbytes) {
    if (nbytes > static_cast<std::size_t>(std::numeric_limits<Py_ssize_t>::max())) throw std::bad_alloc();
    object_ = nb::steal<nb::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(nbytes)));
    if (!object_.is_valid()) nb::raise_python_error();
    // Asked for once, with the GIL: the stable ABI has no macro for it, but a function that may raise.
    span_ = {reinterpret_cast<std::uint8_t*>(PyBytes_AsString(object_.ptr())), nbytes};
  }
  [[nodiscard]] std::span<std::uint8_t> span() const { return span_; }
  [[nodiscard]] nb::bytes take() { return std::move(object_); }

 private:
  nb::bytes object_;
  std::span<std::uint8_t> span_;
};

inline void require(bool condition, const char* message) {
  if (!condition) throw nb::value_error(message);
}

inline std::uint64_t position_of(std::int64_t value, const char* message) {
  require(value >= 0, message);
  return static_cast<std::uint64_t>(value);
}

inline std::size_t at_least(std::int64_t value, std::int64_t least, const char* message) {
  require(value >= least && static_cast<std::uint64_t>(value) <= std::numeric_limits<std::size_t>::max(),
          message);
  return static_cast<std::size_t>(value);
}

// a * b, where a product that does not fit could only belong to a buffer that cannot exist.
inline std::size_t product(std::size_t a, std::size_t b, const char* message) {
  require(b == 0 || a <= std::numeric_limits<std::size_t>::max() / 2 / b, message);
  return a * b;
}

// Many buffers at once.
struct Fragments {
  explicit Fragments(const nb::sequence& fragments) {
    for (const nb::handle fragment : fragments) {
      held.emplace_back(fragment);
      spans.push_back(held.back().span());
    }
  }
  std::vector<Bytes> held;
  std::vector<std::span<const std::uint8_t>> spans;
};

constexpr const char* kFrameNbytes = "frame_nbytes must be at least 1";
constexpr const char* kThreads = "threads must not be negative";

inline unsigned thread_count(std::int64_t threads) {
  return static_cast<unsigned>(std::min<std::size_t>(at_least(threads, 0, kThreads), 1U << 16));
}

}  // namespace framedeflate
