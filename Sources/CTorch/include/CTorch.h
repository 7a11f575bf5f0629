// A C interface over libtorch 2.11.
//
// A tensor is an opaque handle that owns one reference; `ctorch_release` gives it up. Functions that can fail return a
// status, 0 for success, and leave what they make in their last arguments; `ctorch_last_error` then says what went wrong
// on this thread. No C++ exception leaves this interface. Lengths and dimensions are `long`, which Swift knows as Int.
// Devices are numbers: -1 is the processor, n >= 0 the CUDA device n. Dtypes are libtorch's scalar type numbers.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTorchTensor CTorchTensor;
typedef CTorchTensor *CTorchHandle;

typedef enum {
  CTORCH_NEG, CTORCH_EXP, CTORCH_LOG, CTORCH_SQRT, CTORCH_RSQRT, CTORCH_SIN, CTORCH_COS, CTORCH_TANH, CTORCH_SILU,
  CTORCH_GELU, CTORCH_RELU, CTORCH_SIGMOID, CTORCH_ABS, CTORCH_SIGN, CTORCH_FLOOR, CTORCH_IS_FINITE, CTORCH_NOT,
  CTORCH_CLONE, CTORCH_CONTIGUOUS, CTORCH_DETACH, CTORCH_ZEROS_LIKE,
} CTorchUnary;

typedef enum {
  CTORCH_ADD, CTORCH_SUB, CTORCH_MUL, CTORCH_DIV, CTORCH_POW, CTORCH_MINIMUM, CTORCH_MAXIMUM, CTORCH_AND, CTORCH_OR,
  CTORCH_EQ, CTORCH_NE, CTORCH_LT, CTORCH_LE, CTORCH_GT, CTORCH_GE, CTORCH_MATMUL,
} CTorchBinary;

typedef enum {
  CTORCH_SUM, CTORCH_MEAN, CTORCH_AMAX, CTORCH_AMIN, CTORCH_ARGMAX, CTORCH_LOGSUMEXP, CTORCH_ALL, CTORCH_ANY,
} CTorchReduction;

// The process
const char *ctorch_last_error(void);
void ctorch_set_last_error(const char *text);  // of this thread; for what fails in a CTorchBlock
const char *ctorch_version(void);
int ctorch_set_threads(int threads);
int ctorch_threads(void);
int ctorch_set_deterministic(int flag);
// Opens the CUDA half of libtorch, once. Fails with the reason if it is absent or no device answers.
int ctorch_open_cuda(int *devices);
int ctorch_grad_enabled(void);
// Bytes of a CUDA device that nobody has taken; after `ctorch_open_cuda`.
int ctorch_cuda_free_memory(int device, long *bytes);
int ctorch_set_grad_enabled(int flag);  // returns what it was

// Handles
CTorchHandle ctorch_retain(CTorchHandle tensor);  // another one of the same tensor
void ctorch_release(CTorchHandle tensor);
long ctorch_rank(CTorchHandle tensor);
long ctorch_count(CTorchHandle tensor);
void ctorch_shape(CTorchHandle tensor, long *shape);
long ctorch_size(CTorchHandle tensor, long dimension);
int ctorch_dtype(CTorchHandle tensor);
int ctorch_device(CTorchHandle tensor);
int ctorch_requires_grad(CTorchHandle tensor);

// Making and reading
int ctorch_full(const long *shape, long rank, double value, int dtype, int device, CTorchHandle *out);
int ctorch_empty(const long *shape, long rank, int dtype, int device, CTorchHandle *out);
int ctorch_arange(long count, int dtype, int device, CTorchHandle *out);
int ctorch_from_bytes(
    const void *bytes, long byteCount, const long *shape, long rank, int dtype, int device, CTorchHandle *out);
int ctorch_copy_to_host(CTorchHandle tensor, int dtype, void *bytes, long byteCount);
int ctorch_data(CTorchHandle tensor, void **data);
int ctorch_item(CTorchHandle tensor, double *value);

// Elementwise
int ctorch_unary(CTorchUnary operation, CTorchHandle a, CTorchHandle *out);
int ctorch_binary(CTorchBinary operation, CTorchHandle a, CTorchHandle b, CTorchHandle *out);
int ctorch_binary_scalar(CTorchBinary operation, CTorchHandle a, double b, CTorchHandle *out);
int ctorch_clamp(CTorchHandle a, double lower, double upper, CTorchHandle *out);
int ctorch_where(
    CTorchHandle condition, CTorchHandle a, CTorchHandle b, CTorchHandle *out);
int ctorch_masked_fill(CTorchHandle a, CTorchHandle mask, double value, CTorchHandle *out);
int ctorch_cast(CTorchHandle a, int dtype, CTorchHandle *out);
int ctorch_to_device(CTorchHandle a, int device, CTorchHandle *out);
int ctorch_copy_(CTorchHandle a, CTorchHandle source);
int ctorch_add_(CTorchHandle a, CTorchHandle b, double scale);
int ctorch_fill_(CTorchHandle a, double value);

// Shapes and indices
int ctorch_reshape(CTorchHandle a, const long *shape, long rank, CTorchHandle *out);
int ctorch_transpose(CTorchHandle a, long first, long second, CTorchHandle *out);
int ctorch_permute(CTorchHandle a, const long *order, long rank, CTorchHandle *out);
int ctorch_expand(CTorchHandle a, const long *shape, long rank, CTorchHandle *out);
int ctorch_unsqueeze(CTorchHandle a, long dimension, CTorchHandle *out);
int ctorch_squeeze(CTorchHandle a, long dimension, CTorchHandle *out);
int ctorch_flatten(CTorchHandle a, long from, long through, CTorchHandle *out);
int ctorch_narrow(CTorchHandle a, long dimension, long start, long length, CTorchHandle *out);
int ctorch_slice(CTorchHandle a, long dimension, long start, long end, long step, CTorchHandle *out);
int ctorch_select(CTorchHandle a, long dimension, long index, CTorchHandle *out);
int ctorch_cat(const CTorchHandle *tensors, long count, long dimension, CTorchHandle *out);
int ctorch_stack(const CTorchHandle *tensors, long count, long dimension, CTorchHandle *out);
int ctorch_split(CTorchHandle a, const long *lengths, long count, long dimension, CTorchHandle *out);
int ctorch_index_select(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle *out);
int ctorch_gather(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle *out);
int ctorch_scatter(
    CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source,
    CTorchHandle *out);
int ctorch_index_copy(
    CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source,
    CTorchHandle *out);
int ctorch_index_copy_(
    CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source);
int ctorch_index_add(
    CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source,
    CTorchHandle *out);
int ctorch_masked_scatter(
    CTorchHandle a, CTorchHandle mask, CTorchHandle source, CTorchHandle *out);
int ctorch_repeat_interleave(CTorchHandle a, long times, long dimension, CTorchHandle *out);
int ctorch_tril(CTorchHandle a, long diagonal, CTorchHandle *out);
int ctorch_one_hot(CTorchHandle a, long classes, CTorchHandle *out);

// Reductions and orders
int ctorch_reduce(CTorchReduction operation, CTorchHandle a, long dimension, int keep, CTorchHandle *out);
int ctorch_reduce_all(CTorchReduction operation, CTorchHandle a, CTorchHandle *out);
int ctorch_cumsum(CTorchHandle a, long dimension, CTorchHandle *out);
int ctorch_softmax(CTorchHandle a, long dimension, CTorchHandle *out);
int ctorch_log_softmax(CTorchHandle a, long dimension, CTorchHandle *out);
int ctorch_sort(
    CTorchHandle a, long dimension, int descending, CTorchHandle *values, CTorchHandle *indices);
int ctorch_topk(CTorchHandle a, long count, long dimension, CTorchHandle *values, CTorchHandle *indices);

// Layers
int ctorch_linear(CTorchHandle a, CTorchHandle weight, CTorchHandle bias, CTorchHandle *out);
int ctorch_addmm(CTorchHandle a, CTorchHandle b, CTorchHandle c, CTorchHandle *out);
int ctorch_embedding(CTorchHandle table, CTorchHandle ids, CTorchHandle *out);
int ctorch_rms_norm(CTorchHandle a, CTorchHandle weight, double epsilon, CTorchHandle *out);
int ctorch_layer_norm(
    CTorchHandle a, CTorchHandle weight, CTorchHandle bias, double epsilon,
    CTorchHandle *out);
int ctorch_swiglu(CTorchHandle gateAndUp, CTorchHandle *out);
int ctorch_rotate(
    CTorchHandle a, CTorchHandle cosine, CTorchHandle sine, CTorchHandle *out);
int ctorch_attention(
    CTorchHandle queries, CTorchHandle keys, CTorchHandle values, CTorchHandle mask,
    int isCausal, double scale /* NaN: 1/sqrt(width) */, int groupedQueries, CTorchHandle *out);
int ctorch_log_probabilities(
    CTorchHandle hidden, CTorchHandle head, CTorchHandle ids,
    CTorchHandle *logProbabilities, CTorchHandle *entropies);

// Decoding; see TransformerDecoder.swift. No gradients.
#define CTORCH_PAGE 16  // tokens a page

typedef struct CTorchDecoder CTorchDecoder;

typedef struct {
  CTorchHandle inputNorm, queriesKeysValues, queriesKeysValuesBias, output, innerNorm, gateAndUp, down;
} CTorchDecoderLayer;

typedef struct {
  const CTorchDecoderLayer *layers;
  long layerCount;
  CTorchHandle embedding, norm, head;
  double epsilon;
  long heads, keyHeads, width;
} CTorchDecoderParts;

// The sequences of a step, each with its new token.
typedef struct {
  long count;
  const int *tokens;          // [count]
  const int *positions;       // [count]: rows of the angles
  const long *promptLengths;  // [count]
  const long *lengths;        // [count]: tokens after the prompt, the new one included
  const int *pages;           // [count, pageTableWidth]: those of the prompt, then those after it
  long pageTableWidth;
} CTorchSequences;

int ctorch_decoder_make(const CTorchDecoderParts *parts, CTorchDecoder **out);
void ctorch_decoder_release(CTorchDecoder *decoder);
int ctorch_decoder_step(
    const CTorchDecoder *decoder, const CTorchHandle *keys, const CTorchHandle *values, CTorchHandle cosines,
    CTorchHandle sines, const CTorchSequences *rows, CTorchHandle *out);
// Writes keys and values [keyHeads, tokens, width] of a prompt into pages.
int ctorch_write_pages(
    CTorchHandle keys, CTorchHandle values, CTorchHandle keyPages, CTorchHandle valuePages, const int *pages, long count);
long ctorch_padded_width(long width);  // of values in a page
// A token for each of `count` rows of the logits; -1 where they are not finite. `draws` are uniform in [0, 1).
int ctorch_sample(
    CTorchHandle logits, const long *rows, const double *draws, long count, double temperature, long topK, double topP,
    int *tokens, float *logProbabilities);

// A function of the caller: takes over the inputs, leaves outputs that it gives up. Not 0 and `ctorch_set_last_error` if it fails.
typedef int (*CTorchBlock)(void *context, const CTorchHandle *inputs, long count, CTorchHandle *outputs);
// Runs `run` without recording, and again in the backward pass. `context` is given to `release` once, in any case, at any time.
int ctorch_recomputed(
    CTorchBlock run, void (*release)(void *), void *context, const CTorchHandle *inputs, long count, CTorchHandle *outputs,
    long outputCount);

// Gradients and optimisation
int ctorch_set_requires_grad(CTorchHandle a, int flag);
CTorchHandle ctorch_grad(CTorchHandle a);  // null if there is none
void ctorch_clear_grad(CTorchHandle a);
int ctorch_backward(CTorchHandle a);
int ctorch_gradients(CTorchHandle a, const CTorchHandle *inputs, long count, CTorchHandle *out);
// Scales the gradients of `tensors` so that their joint 2-norm is at most `limit`; `norm` is what it was.
int ctorch_clip_gradient_norm(const CTorchHandle *tensors, long count, double limit, double *norm);
// One step of AdamW on the tensors that have a gradient. `steps` are float32 scalars. Where there is a master the step is
// taken on it, and the tensor becomes what it rounds to.
int ctorch_adamw(
    const CTorchHandle *tensors, const CTorchHandle *masters /* null where there is none */, const CTorchHandle *averages, const CTorchHandle *squares, const CTorchHandle *steps,
    long count, double rate, double beta1, double beta2, double epsilon, double decay);

#ifdef __cplusplus
}
#endif
