// Sixteen single-precision numbers at a time, in clang's vectors: one instruction each where the processor has AVX-512, a few
// where it has less. What is marked INLINE is compiled anew into each caller, for the instructions that the caller may use.
#pragma once

#include <cmath>
#include <cstring>

#define INLINE inline __attribute__((always_inline))
/// A function in three forms, of which the best that the processor has is taken.
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

namespace ctorch {

constexpr long lanes = 16;
typedef float Lanes __attribute__((vector_size(lanes * 4), aligned(4)));
typedef int IntLanes __attribute__((vector_size(lanes * 4), aligned(4)));

// Vectors go by reference: how they are passed by value depends on the processor.
INLINE const Lanes &load(const float *p) { return *reinterpret_cast<const Lanes *>(p); }
INLINE void store(float *p, const Lanes &x) { *reinterpret_cast<Lanes *>(p) = x; }

/// The lanes' sum, in one fixed order: halves are added until one lane is left.
INLINE float sum(const Lanes &x) {
  const Lanes a = x + __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  const Lanes b = a + __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  const Lanes c = b + __builtin_shufflevector(b, b, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  return c[0] + c[1];
}

typedef float HalfLanes __attribute__((vector_size(lanes * 2), aligned(4)));

/// Eight such sums, to the same bits, with fewer operations.
INLINE void sums(const Lanes *x, HalfLanes &y) {
  Lanes two[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const Lanes &a = x[4 * half], &b = x[4 * half + 1], &c = x[4 * half + 2], &d = x[4 * half + 3];
    const Lanes ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
        __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const Lanes cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
        __builtin_shufflevector(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const Lanes four = __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
        __builtin_shufflevector(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    two[half] = four + __builtin_shufflevector(four, four, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  }
  y = __builtin_shufflevector(two[0], two[1], 0, 4, 8, 12, 16, 20, 24, 28) +
      __builtin_shufflevector(two[0], two[1], 1, 5, 9, 13, 17, 21, 25, 29);
}

INLINE float largest(const Lanes &x) {
  float found = x[0];
  for (long i = 1; i < lanes; i++) found = x[i] > found ? x[i] : found;
  return found;
}

/// y = e^x to about two units in the last place; 0 below -87, and x is at most 88.
INLINE void exponential(const Lanes &x, Lanes &y) {
  const Lanes none = {}, limited = x < -87.3f ? none - 87.3f : x;
  // x = n log 2 + r, |r| <= log 2 / 2; adding 1.5 * 2^23 rounds to a whole number.
  const Lanes shifted = limited * 1.44269504f + 12582912.0f;
  const Lanes n = shifted - 12582912.0f;
  const Lanes r = (limited - n * 0.693359375f) + n * 2.12194440e-4f;
  Lanes p = none + 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const IntLanes power = (__builtin_convertvector(n, IntLanes) + 127) << 23;
  const Lanes found = p * reinterpret_cast<const Lanes &>(power);
  y = x < -87.3f ? none : found;
}

}  // namespace ctorch
