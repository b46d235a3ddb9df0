// SPDX-License-Identifier: Apache-2.0
// The bare inflaters beside each other: zlib, libdeflate with and without readable memory behind its input,
// and ours. They take turns; each is given as the median of the rounds' processor times. All outputs are
// compared with zlib's before anything is timed.
//
//   inflate_contest STREAMS ROUNDS
//   inflate_contest --version          libdeflate's
//
// STREAMS: the number of streams and the size of each Frame, then size and bytes of each stream; numbers are
// of 32 bits, little endian. Written to standard output: a name and its seconds a line.

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "inflate.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t slack_nbytes = 64;
constexpr double least_seconds = 0.01;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "inflate_contest: %s\n", message.c_str());
  std::exit(1);
}

// The streams, each with slack behind it.
struct Streams {
  struct Place {
    std::size_t offset;
    std::size_t nbytes;
  };
  std::size_t frame_nbytes = 0;
  Bytes arena;
  std::vector<Place> places;
};

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(std::move(bytes)) {}

  std::uint32_t number() {
    std::uint32_t value = 0;
    const auto four = take(4);
    for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{four[i]} << 8 * i;
    return value;
  }

  std::span<const std::uint8_t> take(std::size_t nbytes) {
    if (nbytes > bytes_.size() - at_) fail("the file of streams is cut short");
    at_ += nbytes;
    return std::span(bytes_).subspan(at_ - nbytes, nbytes);
  }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

Streams read_streams(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(std::string("cannot read ") + path);
  Reader reader(Bytes(std::istreambuf_iterator<char>(file), {}));
  Streams streams;
  const auto count = reader.number();
  streams.frame_nbytes = reader.number();
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto stream = reader.take(reader.number());
    streams.places.push_back({streams.arena.size(), stream.size()});
    streams.arena.insert(streams.arena.end(), stream.begin(), stream.end());
    streams.arena.resize(streams.arena.size() + slack_nbytes);
  }
  return streams;
}

// Inflates all streams into `out`, and returns whether each filled its Frame.
using Inflater = std::function<bool(const Streams&, std::span<std::uint8_t> out)>;

template <typename One>
Inflater each(One one) {
  return [one](const Streams& streams, std::span<std::uint8_t> out) {
    bool all = true;
    for (std::size_t i = 0; i < streams.places.size(); ++i) {
      const auto [offset, nbytes] = streams.places[i];
      all &= one(std::span(streams.arena).subspan(offset, nbytes + slack_nbytes), nbytes,
                 out.subspan(i * streams.frame_nbytes, streams.frame_nbytes));
    }
    return all;
  };
}

Inflater with_zlib() {
  std::shared_ptr<z_stream> state(new z_stream{}, [](z_stream* one) {
    inflateEnd(one);
    delete one;
  });
  if (inflateInit2(state.get(), -15) != Z_OK) fail("zlib does not start");
  return each([state](std::span<const std::uint8_t> input, std::size_t nbytes, std::span<std::uint8_t> out) {
    inflateReset(state.get());
    state->next_in = const_cast<Bytef*>(input.data());
    state->avail_in = static_cast<uInt>(nbytes);
    state->next_out = out.data();
    state->avail_out = static_cast<uInt>(out.size());
    return inflate(state.get(), Z_FINISH) == Z_STREAM_END && state->avail_out == 0;
  });
}

Inflater with_libdeflate(std::size_t slack) {
  std::shared_ptr<libdeflate_decompressor> state(libdeflate_alloc_decompressor(),
                                                 libdeflate_free_decompressor);
  return each(
      [state, slack](std::span<const std::uint8_t> input, std::size_t nbytes, std::span<std::uint8_t> out) {
        // No pointer for the output's size: a stream of another size than the Frame's is an error.
        std::size_t consumed = 0;
        return libdeflate_deflate_decompress_ex(state.get(), input.data(), nbytes + slack, out.data(),
                                                out.size(), &consumed, nullptr) == LIBDEFLATE_SUCCESS;
      });
}

Inflater with_ours() {
  return each([](std::span<const std::uint8_t> input, std::size_t nbytes, std::span<std::uint8_t> out) {
    return framedeflate::inflate_exact(input.first(nbytes), out).defect == framedeflate::Defect::none;
  });
}

double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Contestant {
  const char* name;
  Inflater inflate;
  int repeats = 1;
  std::vector<double> seconds = {};
};

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::string(arguments[1]) == "--version") {
    std::printf("%s\n", LIBDEFLATE_VERSION_STRING);
    return 0;
  }
  if (count != 3) fail("two arguments: the file of streams, and the number of rounds");
  const Streams streams = read_streams(arguments[1]);
  const auto rounds = static_cast<std::size_t>(std::max(1, std::atoi(arguments[2])));
  Bytes expected(streams.places.size() * streams.frame_nbytes);
  Bytes out(expected.size());
  if (!with_zlib()(streams, expected)) fail("zlib refuses a stream");

  std::vector<Contestant> all = {{"zlib", with_zlib()},
                                 {"libdeflate", with_libdeflate(0)},
                                 {"libdeflate with slack", with_libdeflate(slack_nbytes)},
                                 {"ours", with_ours()}};
  for (auto& one : all) {
    std::fill(out.begin(), out.end(), std::uint8_t{0xA5});
    const double start = now();
    const bool done = one.inflate(streams, out);
    one.repeats = std::max(1, static_cast<int>(least_seconds / std::max(now() - start, 1e-6)));
    if (!done || out != expected) fail(std::string(one.name) + " does not give the Frames back");
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto& one = all[(round + i) % all.size()];
      const double start = now();
      for (int repeat = 0; repeat < one.repeats; ++repeat) one.inflate(streams, out);
      one.seconds.push_back((now() - start) / one.repeats);
    }
  }
  for (auto& one : all) {
    std::sort(one.seconds.begin(), one.seconds.end());
    std::printf("%s %.9g\n", one.name, one.seconds[one.seconds.size() / 2]);
  }
}
