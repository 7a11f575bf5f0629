// Decoding: one new token for each of many sequences, through all layers of a decoder.
//
// Whoever shares a step with a sequence does not change a bit of it. Every number is worked out in an order that depends on
// the sizes of the model and on the length of its own sequence alone: products are sums over the inputs in one fixed order
// whatever the number of rows, and attention goes over a sequence's own pages. (The library's products choose their order by
// the number of rows.) So sequences may come, go, wait and be decoded again in any company.
#include "Guard.h"
#include "Lanes.h"
#include "Parallel.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

using namespace ctorch;

/// Tokens a page.
static constexpr long page = CTORCH_PAGE;
static_assert(page == lanes, "the scores of a page are one vector");

namespace {

struct Layer {
  at::Tensor inputNorm, queriesKeysValues, bias, output, innerNorm, gateAndUp, down;
};

/// Heads of values are padded to whole vectors.
long padded(long width) { return (width + lanes - 1) / lanes * lanes; }

const float *read(const at::Tensor &t) { return static_cast<const float *>(t.const_data_ptr()); }
float *write(const at::Tensor &t) { return static_cast<float *>(t.mutable_data_ptr()); }

}  // namespace

struct CTorchDecoder {
  std::vector<Layer> layers;
  at::Tensor embedding, norm, head;
  double epsilon;
  long heads, keyHeads, width;
  bool isFused;

  long shared() const { return heads / keyHeads; }
};

// MARK: Products

namespace {

/// Inputs are taken in stretches, so that the weights of a block stay near while row after row meets them. A sum goes over its
/// stretches in order, each lane by lane, then over the lanes.
constexpr long stretch = 768;
/// Rows and columns of a block: its sums, and what they are made of, are what registers hold.
constexpr int blockRows = 3, blockColumns = 8;

/// Where a product reads and writes: y [.., outputs] from x [.., inputs] and w [outputs, inputs].
struct Operands {
  const float *x, *w, *bias;
  float *y;
  long inputs, outputs;
  /// Whether the product is added to what y holds.
  bool adds;
};

/// `rows` x `columns` numbers of y, as far as the inputs `from` ..< `end` go. The weights that come next are far away, and the
/// processor does not see the columns as one stream: `fetches` of their columns, from `next` on, are asked for meanwhile.
template <int rows, int columns, int fetches>
INLINE void block(const Operands &p, long row, long column, long from, long end, long next = 0) {
  static_assert(columns == blockColumns || columns == 1);
  const float *x = p.x + row * p.inputs, *w = p.w + column * p.inputs;
  Lanes found[rows][columns] = {};
  long i = from;
  const float *far = p.w + next * p.inputs;
  for (; i + lanes <= end; i += lanes) {
#pragma unroll
    for (int f = 0; f < fetches; f++) __builtin_prefetch(far + f * p.inputs + i, 0, 2);
    Lanes numbers[rows];
#pragma unroll
    for (int r = 0; r < rows; r++) numbers[r] = load(x + r * p.inputs + i);
#pragma unroll
    for (int c = 0; c < columns; c++) {
      const Lanes weights = load(w + c * p.inputs + i);
#pragma unroll
      for (int r = 0; r < rows; r++) found[r][c] += numbers[r] * weights;
    }
  }
  const bool isFirst = from == 0 && !p.adds;
#pragma unroll
  for (int r = 0; r < rows; r++) {
    float *place = p.y + (row + r) * p.outputs + column;
    const auto rest = [&](int c) __attribute__((always_inline)) {
      float total = 0;
      for (long j = i; j < end; j++) total += x[r * p.inputs + j] * w[c * p.inputs + j];
      return total;
    };
    if constexpr (columns == 1) {
      float total = sum(found[r][0]);
      if (i < end) total += rest(0);
      *place = total + (!isFirst ? *place : p.bias ? p.bias[column] : 0);
    } else {
      HalfLanes totals;
      sums(found[r], totals);
      if (i < end)
        for (int c = 0; c < columns; c++) totals[c] += rest(c);
      HalfLanes &eight = *reinterpret_cast<HalfLanes *>(place);
      if (!isFirst) totals += eight;
      else if (p.bias) totals += *reinterpret_cast<const HalfLanes *>(p.bias + column);
      eight = totals;
    }
  }
}

template <int columns>
INLINE void blocks(const Operands &p, long rows, long column, long from, long end) {
  static_assert(blockRows == 3);
  const long next = column + columns;
  if (rows == 1) return block<1, columns, columns>(p, 0, column, from, end, next);
  if (rows == 2) return block<2, columns, columns>(p, 0, column, from, end, next);
  long row = 0;
  if (rows >= blockRows * columns) {
    // A column with each block, so that memory and arithmetic go on side by side.
    for (; row < blockRows * columns; row += blockRows) block<3, columns, 1>(p, row, column, from, end, next + row / blockRows);
  } else {
    block<3, columns, columns>(p, row, column, from, end, next);
    row = blockRows;
  }
  for (; row + blockRows <= rows; row += blockRows) block<3, columns, 0>(p, row, column, from, end);
  if (rows - row == 2) block<2, columns, 0>(p, row, column, from, end);
  if (rows - row == 1) block<1, columns, 0>(p, row, column, from, end);
}

FOR_EACH_PROCESSOR void productOfColumns(const Operands &p, long rows, long begin, long end) {
  for (long from = 0; from < p.inputs; from += stretch) {
    const long until = std::min(p.inputs, from + stretch);
    long column = begin;
    for (; column + blockColumns <= end; column += blockColumns) blocks<blockColumns>(p, rows, column, from, until);
    for (; column < end; column++) blocks<1>(p, rows, column, from, until);
  }
}

/// y [rows, outputs] = x w^T + bias, or y += x w^T; x [rows, inputs], w [outputs, inputs].
void product(const float *x, const at::Tensor &w, const float *bias, bool adds, float *y, long rows) {
  const long outputs = w.size(0), inputs = w.size(1);
  const Operands operands{x, read(w), bias, y, inputs, outputs, adds};
  const long blocks = (outputs + blockColumns - 1) / blockColumns, work = inputs * rows * blockColumns;
  parallelFor(0, blocks, (1 << 18) / work + 1, [&](long begin, long end) {
    productOfColumns(operands, rows, begin * blockColumns, std::min(outputs, end * blockColumns));
  });
}

// MARK: Other parts of a layer

FOR_EACH_PROCESSOR void normalise(const float *x, const float *scale, double epsilon, float *y, long width, long rows) {
  for (long row = 0; row < rows; row++, x += width, y += width) {
    Lanes squares = {};
    long i = 0;
    for (; i + lanes <= width; i += lanes) squares += load(x + i) * load(x + i);
    float total = sum(squares);
    for (; i < width; i++) total += x[i] * x[i];
    const float factor = 1 / std::sqrt(total / width + static_cast<float>(epsilon));
    for (long j = 0; j < width; j++) y[j] = x[j] * factor * scale[j];
  }
}

/// y = silu(g) * u.
INLINE void gated(const Lanes &g, const Lanes &u, float *y) {
  const Lanes none = {}, away = g < -80.0f ? none + 80.0f : -g;
  Lanes power;
  exponential(away, power);
  store(y, g / (power + 1.0f) * u);
}

/// y = silu(gate) * up; both [gate, up] of `width` each.
FOR_EACH_PROCESSOR void gate(const float *both, float *y, long width) {
  const float *up = both + width;
  long i = 0;
  for (; i + lanes <= width; i += lanes) gated(load(both + i), load(up + i), y + i);
  if (i == width) return;
  float g[lanes] = {}, u[lanes] = {}, rest[lanes];
  std::copy(both + i, both + width, g);
  std::copy(up + i, up + width, u);
  gated(load(g), load(u), rest);
  std::copy(rest, rest + (width - i), y + i);
}

/// y = x turned by the angles; the pairs are (i, i + width / 2).
INLINE void turn(const float *x, const float *cosine, const float *sine, float *y, long width) {
  const long half = width / 2;
  for (long i = 0; i < half; i++) {
    y[i] = x[i] * cosine[i] - x[i + half] * sine[i];
    y[i + half] = x[i + half] * cosine[i + half] + x[i] * sine[i + half];
  }
}

/// Where one sequence's keys and values are, for one layer and key head.
struct Sequence {
  /// Its pages; the first `promptPages` hold `promptLength` tokens, the others `length`, the new one included.
  const int *pages;
  long promptPages, promptLength, length;
  /// Keys [pages, width, page] and values [pages, page, padded], for this key head; strides between pages.
  float *keys, *values;
  long keyStride, valueStride;

  long count() const { return promptPages + (length + page - 1) / page; }
  long tokens(long index) const {
    return index < promptPages ? std::min(page, promptLength - index * page)
                               : std::min(page, length - (index - promptPages) * page);
  }
};

/// Adds up the values of a sequence, `vectors` vectors of them from `first` on, by weights [queries, count * page], and divides
/// by the weights' totals.
template <int queries, int vectors>
INLINE void gather(const Sequence &s, const float *weights, const float *total, float *found, long first, long width) {
  const long count = s.count(), whole = padded(width);
  Lanes parts[queries][vectors] = {};
  for (long p = 0; p < count; p++) {
    const float *values = s.values + s.pages[p] * s.valueStride + first;
    const long tokens = s.tokens(p);
    for (long t = 0; t < tokens; t++) {
      Lanes value[vectors];
#pragma unroll
      for (int v = 0; v < vectors; v++) value[v] = load(values + t * whole + v * lanes);
#pragma unroll
      for (int q = 0; q < queries; q++) {
        const float weight = weights[(q * count + p) * page + t];
#pragma unroll
        for (int v = 0; v < vectors; v++) parts[q][v] += weight * value[v];
      }
    }
  }
  for (int q = 0; q < queries; q++)
    for (int v = 0; v < vectors; v++) {
      float numbers[lanes];
      store(numbers, parts[q][v] / total[q]);
      const long start = first + v * lanes;
      std::copy(numbers, numbers + std::min(lanes, width - start), found + q * width + start);
    }
}

/// `queries` heads that share a key head attend to a sequence. `query` [queries, width]; `scores` [queries, count * page];
/// `found` [queries, width].
template <int queries>
INLINE void attend(const float *query, const Sequence &s, float *scores, float *found, long width) {
  const long count = s.count(), whole = padded(width);
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  float most[queries], total[queries];
  for (int q = 0; q < queries; q++) most[q] = -INFINITY;
  for (long first = 0; first < count; first += 2) {
    // Two pages at a time, the last one twice if it has no partner.
    const long pair[2] = {first, std::min(first + 1, count - 1)};
    const float *keys[2] = {s.keys + s.pages[pair[0]] * s.keyStride, s.keys + s.pages[pair[1]] * s.keyStride};
    Lanes products[2][queries] = {};
    for (long i = 0; i < width; i++) {
      const Lanes low = load(keys[0] + i * page), high = load(keys[1] + i * page);
#pragma unroll
      for (int q = 0; q < queries; q++) {
        products[0][q] += query[q * width + i] * low;
        products[1][q] += query[q * width + i] * high;
      }
    }
    for (int half = 0; half < 2; half++) {
      const long p = pair[half], tokens = s.tokens(p);
      for (int q = 0; q < queries; q++) {
        float *row = scores + (q * count + p) * page;
        store(row, products[half][q] * scale);
        for (long t = tokens; t < page; t++) row[t] = -INFINITY;
        most[q] = std::max(most[q], largest(load(row)));
      }
    }
  }
  for (int q = 0; q < queries; q++) {
    float *row = scores + q * count * page;
    Lanes weights = {};
    for (long i = 0; i < count * page; i += lanes) {
      Lanes weight;
      exponential(load(row + i) - most[q], weight);
      store(row + i, weight);
      weights += weight;
    }
    total[q] = sum(weights);
  }
  long first = 0;
  for (; first + 4 * lanes <= whole; first += 4 * lanes) gather<queries, 4>(s, scores, total, found, first, width);
  for (; first < whole; first += lanes) gather<queries, 1>(s, scores, total, found, first, width);
}

/// Adds the new token's key and value to a sequence, and lets the queries of one key head attend.
///
/// - projected: queries, keys and values of the row, [heads + 2 * keyHeads, width].
FOR_EACH_PROCESSOR void attendHead(
    const float *projected, long keyHead, long keyHeads, long shared, long width, const float *cosine, const float *sine,
    const Sequence &s, float *scratch, float *found) {
  const long place = s.length - 1, slot = place % page, last = s.pages[s.promptPages + place / page];
  float *query = scratch, *scores = scratch + shared * width;
  // The new key, by way of the place of the first query.
  turn(projected + (keyHeads * shared + keyHead) * width, cosine, sine, query, width);
  float *keys = s.keys + last * s.keyStride, *values = s.values + last * s.valueStride + slot * padded(width);
  for (long i = 0; i < width; i++) keys[i * page + slot] = query[i];
  std::copy_n(projected + (keyHeads * shared + keyHeads + keyHead) * width, width, values);
  for (long q = 0; q < shared; q++)
    turn(projected + (keyHead * shared + q) * width, cosine, sine, query + q * width, width);
  float *result = found + keyHead * shared * width;
  long q = 0;
  for (; q + 4 <= shared; q += 4) attend<4>(query + q * width, s, scores, result + q * width, width);
  if (shared - q == 3) attend<3>(query + q * width, s, scores, result + q * width, width);
  if (shared - q == 2) attend<2>(query + q * width, s, scores, result + q * width, width);
  if (shared - q == 1) attend<1>(query + q * width, s, scores, result + q * width, width);
}

// MARK: A step

at::Tensor fusedStep(
    const CTorchDecoder &d, const CTorchHandle *keys, const CTorchHandle *values, const float *cosine, const float *sine,
    const CTorchSequences &rows) {
  const long n = rows.count, hidden = d.embedding.size(1), inner = d.layers[0].down.size(1);
  const long projections = (d.heads + 2 * d.keyHeads) * d.width;
  std::vector<float> memory(n * (2 * hidden + projections + d.heads * d.width + 3 * inner));
  float *x = memory.data(), *normed = x + n * hidden, *projected = normed + n * hidden, *found = projected + n * projections;
  float *both = found + n * d.heads * d.width, *gated = both + 2 * n * inner;
  for (long row = 0; row < n; row++) std::copy_n(read(d.embedding) + rows.tokens[row] * hidden, hidden, x + row * hidden);
  const float *none = nullptr;
  for (size_t index = 0; index < d.layers.size(); index++) {
    const Layer &layer = d.layers[index];
    const at::Tensor keyPages = borrow(keys[index]), valuePages = borrow(values[index]);
    float *keyMemory = write(keyPages), *valueMemory = write(valuePages);
    normalise(x, read(layer.inputNorm), d.epsilon, normed, hidden, n);
    product(normed, layer.queriesKeysValues, read(layer.bias), false, projected, n);
    long work = 1;
    for (long row = 0; row < n; row++) work = std::max<long>(work, (rows.promptLengths[row] + rows.lengths[row]) * d.width);
    parallelFor(0, n * d.keyHeads, std::max<long>(1, 65536 / (work * d.shared())), [&](long begin, long end) {
      std::vector<float> scratch;
      for (long i = begin; i < end; i++) {
        const long row = i / d.keyHeads, keyHead = i % d.keyHeads, angle = rows.positions[row] * d.width;
        const Sequence s{
            rows.pages + row * rows.pageTableWidth,
            (rows.promptLengths[row] + page - 1) / page,
            rows.promptLengths[row],
            rows.lengths[row],
            keyMemory + keyHead * d.width * page,
            valueMemory + keyHead * page * padded(d.width),
            d.keyHeads * d.width * page,
            d.keyHeads * page * padded(d.width),
        };
        scratch.resize(d.shared() * d.width + std::min<long>(d.shared(), 4) * s.count() * page);
        attendHead(
            projected + row * projections, keyHead, d.keyHeads, d.shared(), d.width, cosine + angle, sine + angle, s,
            scratch.data(), found + row * d.heads * d.width);
      }
    });
    product(found, layer.output, none, true, x, n);
    normalise(x, read(layer.innerNorm), d.epsilon, normed, hidden, n);
    product(normed, layer.gateAndUp, none, false, both, n);
    parallelFor(0, n, std::max<long>(1, 32768 / inner), [&](long begin, long end) {
      for (long row = begin; row < end; row++) gate(both + 2 * row * inner, gated + row * inner, inner);
    });
    product(gated, layer.down, none, true, x, n);
  }
  normalise(x, read(d.norm), d.epsilon, normed, hidden, n);
  auto logits = at::empty({n, d.head.size(0)}, d.head.options().requires_grad(false));
  product(normed, d.head, none, false, write(logits), n);
  return logits;
}

/// The same out of libtorch's operations, for other devices and dtypes.
at::Tensor composedStep(
    const CTorchDecoder &d, const CTorchHandle *keys, const CTorchHandle *values, const at::Tensor &cosines,
    const at::Tensor &sines, const CTorchSequences &rows) {
  const long n = rows.count;
  const auto device = d.embedding.device();
  const auto whole = [&](const int *numbers, long count) {
    return at::from_blob(const_cast<int *>(numbers), {count}, at::kInt).to(device, at::kLong);
  };
  // Whole pages are read for as many as the longest sequence has. What is not its own is masked, whatever it holds: even no
  // number.
  long most = 0;
  std::vector<int> newPages(n), newSlots(n);
  std::vector<long> counts(n);
  for (long row = 0; row < n; row++) {
    const long promptPages = (rows.promptLengths[row] + page - 1) / page, place = rows.lengths[row] - 1;
    counts[row] = promptPages + place / page + 1;
    most = std::max(most, counts[row]);
    newPages[row] = rows.pages[row * rows.pageTableWidth + promptPages + place / page];
    newSlots[row] = static_cast<int>(place % page);
  }
  std::vector<int> table(n * most);
  std::vector<uint8_t> shut(n * most * page, 0);
  for (long row = 0; row < n; row++) {
    const long promptPages = (rows.promptLengths[row] + page - 1) / page;
    for (long p = 0; p < most; p++) {
      table[row * most + p] = p < counts[row] ? rows.pages[row * rows.pageTableWidth + p] : 0;
      const long tokens = p >= counts[row] ? 0
          : p < promptPages                ? std::min(page, rows.promptLengths[row] - p * page)
                                           : std::min(page, rows.lengths[row] - (p - promptPages) * page);
      for (long t = tokens; t < page; t++) shut[(row * most + p) * page + t] = 1;
    }
  }
  const auto index = whole(table.data(), n * most), pagesOfNew = whole(newPages.data(), n), slots = whole(newSlots.data(), n);
  const auto isShut = at::from_blob(shut.data(), {n, 1, 1, most * page}, at::kByte).to(device).to(at::kBool);
  const auto positions = whole(rows.positions, n);
  const auto cosine = cosines.index_select(0, positions).view({n, 1, d.width}).to(d.embedding.scalar_type());
  const auto sine = sines.index_select(0, positions).view({n, 1, d.width}).to(d.embedding.scalar_type());
  auto x = at::embedding(d.embedding, whole(rows.tokens, n));
  const auto norm = [&](const at::Tensor &a, const at::Tensor &scale) { return at::rms_norm(a, scale.sizes(), scale, d.epsilon); };
  for (size_t i = 0; i < d.layers.size(); i++) {
    const Layer &layer = d.layers[i];
    auto keyPages = borrow(keys[i]), valuePages = borrow(values[i]);
    const auto all = at::linear(norm(x, layer.inputNorm), layer.queriesKeysValues, layer.bias)
                         .view({n, d.heads + 2 * d.keyHeads, d.width});
    const auto both = all.narrow(1, 0, d.heads + d.keyHeads);
    const auto halves = both.chunk(2, -1);
    const auto turned = both * cosine + at::cat({halves[1].neg(), halves[0]}, -1) * sine;
    keyPages.permute({0, 3, 1, 2}).index_put_({pagesOfNew, slots}, turned.narrow(1, d.heads, d.keyHeads));
    valuePages.permute({0, 2, 1, 3})
        .index_put_({pagesOfNew, slots}, at::constant_pad_nd(all.narrow(1, d.heads + d.keyHeads, d.keyHeads), {0, padded(d.width) - d.width}));
    const auto seenKeys = keyPages.index_select(0, index).view({n, most, d.keyHeads, d.width, page}).permute({0, 2, 3, 1, 4})
                              .reshape({n, d.keyHeads, d.width, most * page});
    const auto seenValues = valuePages.index_select(0, index).view({n, most, d.keyHeads, page, padded(d.width)})
                                .permute({0, 2, 1, 3, 4}).reshape({n, d.keyHeads, most * page, padded(d.width)}).masked_fill(isShut.transpose(2, 3), 0);
    const auto queries = turned.narrow(1, 0, d.heads).reshape({n, d.keyHeads, d.shared(), d.width});
    const auto scores =
        (at::matmul(queries, seenKeys) * (1 / std::sqrt(static_cast<double>(d.width)))).masked_fill(isShut, -INFINITY);
    const auto found = at::matmul(at::softmax(scores, -1), seenValues).narrow(-1, 0, d.width).reshape({n, d.heads * d.width});
    x = x + at::linear(found, layer.output);
    const auto inner = at::linear(norm(x, layer.innerNorm), layer.gateAndUp).chunk(2, -1);
    x = x + at::linear(at::silu(inner[0]) * inner[1], layer.down);
  }
  return at::linear(norm(x, d.norm), d.head);
}

}  // namespace

int ctorch_decoder_make(const CTorchDecoderParts *parts, CTorchDecoder **out) {
  return guarded([&] {
    auto decoder = std::make_unique<CTorchDecoder>();
    decoder->embedding = borrow(parts->embedding).detach();
    decoder->norm = borrow(parts->norm).detach();
    decoder->head = borrow(parts->head).detach();
    decoder->epsilon = parts->epsilon;
    decoder->heads = parts->heads;
    decoder->keyHeads = parts->keyHeads;
    decoder->width = parts->width;
    const auto isPlain = [](const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous(); };
    const long hidden = decoder->embedding.size(1), projections = (parts->heads + 2 * parts->keyHeads) * parts->width;
    TORCH_CHECK(
        parts->layerCount > 0 && parts->keyHeads > 0 && parts->heads % parts->keyHeads == 0 && parts->width % 2 == 0 &&
            decoder->norm.size(0) == hidden && decoder->head.size(1) == hidden,
        "the parts do not fit one another");
    decoder->isFused = isPlain(decoder->embedding) && isPlain(decoder->norm) && isPlain(decoder->head);
    for (long i = 0; i < parts->layerCount; i++) {
      const CTorchDecoderLayer &layer = parts->layers[i];
      const auto tensor = [&](CTorchHandle handle) {
        auto found = borrow(handle).detach();
        decoder->isFused = decoder->isFused && isPlain(found);
        return found;
      };
      decoder->layers.push_back({
          tensor(layer.inputNorm), tensor(layer.queriesKeysValues), tensor(layer.queriesKeysValuesBias), tensor(layer.output),
          tensor(layer.innerNorm), tensor(layer.gateAndUp), tensor(layer.down),
      });
      const Layer &last = decoder->layers.back();
      TORCH_CHECK(
          last.queriesKeysValues.size(0) == projections && last.queriesKeysValues.size(1) == hidden &&
              last.bias.size(0) == projections && last.output.size(0) == hidden &&
              last.output.size(1) == parts->heads * parts->width && last.gateAndUp.size(0) == 2 * last.down.size(1) &&
              last.down.size(0) == hidden && last.down.size(1) == decoder->layers[0].down.size(1),
          "layer ", i, " does not fit the others");
    }
    *out = decoder.release();
  });
}

void ctorch_decoder_release(CTorchDecoder *decoder) { delete decoder; }

int ctorch_decoder_step(
    const CTorchDecoder *decoder, const CTorchHandle *keys, const CTorchHandle *values, CTorchHandle cosines,
    CTorchHandle sines, const CTorchSequences *rows, CTorchHandle *out) {
  return making(out, [&] {
    const at::NoGradGuard noGradient;
    const auto cosine = borrow(cosines), sine = borrow(sines);
    TORCH_CHECK(rows->count > 0, "there is no sequence");
    const long pages = borrow(keys[0]).size(0);
    for (size_t i = 0; i < decoder->layers.size(); i++) {
      const auto k = borrow(keys[i]), v = borrow(values[i]);
      const at::IntArrayRef keySizes = k.sizes(), valueSizes = v.sizes();
      TORCH_CHECK(
          keySizes == at::IntArrayRef({pages, decoder->keyHeads, decoder->width, page}) &&
              valueSizes == at::IntArrayRef({pages, decoder->keyHeads, page, padded(decoder->width)}) && k.is_contiguous() &&
              v.is_contiguous() && k.scalar_type() == decoder->embedding.scalar_type() && v.scalar_type() == k.scalar_type() &&
              k.device() == decoder->embedding.device() && v.device() == k.device(),
          "the pages of layer ", i, " do not fit the decoder");
    }
    for (const auto &angles : {cosine, sine})
      TORCH_CHECK(
          angles.dim() == 2 && angles.size(1) == decoder->width && angles.is_contiguous() && angles.sizes() == cosine.sizes() &&
              angles.scalar_type() == at::kFloat && angles.device() == decoder->embedding.device(),
          "angles are a contiguous float32 [positions, width] beside the model");
    for (long row = 0; row < rows->count; row++) {
      TORCH_CHECK(
          rows->tokens[row] >= 0 && rows->tokens[row] < decoder->embedding.size(0), "token ", rows->tokens[row],
          " is outside of the vocabulary");
      TORCH_CHECK(rows->positions[row] >= 0 && rows->positions[row] < cosine.size(0), "a position has no angles");
      TORCH_CHECK(rows->promptLengths[row] > 0 && rows->lengths[row] > 0, "a sequence is empty");
      const long count = (rows->promptLengths[row] + page - 1) / page + (rows->lengths[row] + page - 1) / page;
      TORCH_CHECK(count <= rows->pageTableWidth, "a sequence has more pages than the table is wide");
      for (long p = 0; p < count; p++) {
        const int number = rows->pages[row * rows->pageTableWidth + p];
        TORCH_CHECK(number >= 0 && number < pages, "there is no page ", number);
      }
    }
    return decoder->isFused
        ? fusedStep(*decoder, keys, values, read(cosine), read(sine), *rows)
        : composedStep(*decoder, keys, values, cosine, sine, *rows);
  });
}

int ctorch_write_pages(
    CTorchHandle keys, CTorchHandle values, CTorchHandle keyPages, CTorchHandle valuePages, const int *pages, long count) {
  return guarded([&] {
    const at::NoGradGuard noGradient;
    const auto k = borrow(keys), v = borrow(values);  // [keyHeads, tokens, width]
    auto keyMemory = borrow(keyPages), valueMemory = borrow(valuePages);
    const long heads = k.size(0), tokens = k.size(1), width = k.size(2);
    TORCH_CHECK(
        k.dim() == 3 && v.sizes() == k.sizes() && count == (tokens + page - 1) / page, "expected keys and values of ", count,
        " pages");
    const auto index = at::from_blob(const_cast<int *>(pages), {count}, at::kInt).to(k.device(), at::kLong);
    const auto whole = [&](const at::Tensor &a, long extra) {
      return at::constant_pad_nd(a, {0, extra, 0, count * page - tokens}).view({heads, count, page, width + extra});
    };
    keyMemory.index_copy_(0, index, whole(k, 0).permute({1, 0, 3, 2}));
    valueMemory.index_copy_(0, index, whole(v, padded(width) - width).permute({1, 0, 2, 3}));
  });
}

long ctorch_padded_width(long width) { return padded(width); }
