internal import CTorch

// Elementwise operations. Shapes broadcast as in PyTorch.
extension Tensor {
  @inline(__always)
  func unary(_ code: CTorchUnary, _ name: StaticString) throws(TorchError) -> Tensor {
    try Tensor.make(name, [self]) { ctorch_unary(code, handle, $0) }
  }

  @inline(__always)
  func binary(_ code: CTorchBinary, _ name: StaticString, _ other: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make(name, [self, other]) { ctorch_binary(code, handle, other.handle, $0) }
  }

  @inline(__always)
  func binary(_ code: CTorchBinary, _ name: StaticString, _ other: Double) throws(TorchError) -> Tensor {
    try Tensor.make(name, [self]) { ctorch_binary_scalar(code, handle, other, $0) }
  }

  package static func + (a: Tensor, b: Tensor) throws(TorchError) -> Tensor { try a.binary(CTORCH_ADD, "add", b) }
  package static func + (a: Tensor, b: Double) throws(TorchError) -> Tensor { try a.binary(CTORCH_ADD, "add", b) }
  package static func - (a: Tensor, b: Tensor) throws(TorchError) -> Tensor { try a.binary(CTORCH_SUB, "sub", b) }
  package static func - (a: Tensor, b: Double) throws(TorchError) -> Tensor { try a.binary(CTORCH_SUB, "sub", b) }
  package static func * (a: Tensor, b: Tensor) throws(TorchError) -> Tensor { try a.binary(CTORCH_MUL, "mul", b) }
  package static func * (a: Tensor, b: Double) throws(TorchError) -> Tensor { try a.binary(CTORCH_MUL, "mul", b) }
  package static func / (a: Tensor, b: Tensor) throws(TorchError) -> Tensor { try a.binary(CTORCH_DIV, "div", b) }
  package static func / (a: Tensor, b: Double) throws(TorchError) -> Tensor { try a.binary(CTORCH_DIV, "div", b) }
  package static prefix func - (a: Tensor) throws(TorchError) -> Tensor { try a.unary(CTORCH_NEG, "neg") }

  package func exp() throws(TorchError) -> Tensor { try unary(CTORCH_EXP, "exp") }
  package func log() throws(TorchError) -> Tensor { try unary(CTORCH_LOG, "log") }
  package func sqrt() throws(TorchError) -> Tensor { try unary(CTORCH_SQRT, "sqrt") }
  package func rsqrt() throws(TorchError) -> Tensor { try unary(CTORCH_RSQRT, "rsqrt") }
  package func sin() throws(TorchError) -> Tensor { try unary(CTORCH_SIN, "sin") }
  package func cos() throws(TorchError) -> Tensor { try unary(CTORCH_COS, "cos") }
  package func tanh() throws(TorchError) -> Tensor { try unary(CTORCH_TANH, "tanh") }
  package func silu() throws(TorchError) -> Tensor { try unary(CTORCH_SILU, "silu") }
  /// The exact form, with the error function.
  package func gelu() throws(TorchError) -> Tensor { try unary(CTORCH_GELU, "gelu") }
  package func relu() throws(TorchError) -> Tensor { try unary(CTORCH_RELU, "relu") }
  package func sigmoid() throws(TorchError) -> Tensor { try unary(CTORCH_SIGMOID, "sigmoid") }
  package func abs() throws(TorchError) -> Tensor { try unary(CTORCH_ABS, "abs") }
  package func sign() throws(TorchError) -> Tensor { try unary(CTORCH_SIGN, "sign") }
  package func floor() throws(TorchError) -> Tensor { try unary(CTORCH_FLOOR, "floor") }
  package func isFinite() throws(TorchError) -> Tensor { try unary(CTORCH_IS_FINITE, "isfinite") }
  package func logicalNot() throws(TorchError) -> Tensor { try unary(CTORCH_NOT, "logical_not") }

  package func power(_ exponent: Double) throws(TorchError) -> Tensor { try binary(CTORCH_POW, "pow", exponent) }
  package func minimum(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_MINIMUM, "minimum", other) }
  package func maximum(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_MAXIMUM, "maximum", other) }
  package func logicalAnd(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_AND, "logical_and", other) }
  package func logicalOr(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_OR, "logical_or", other) }

  /// - Returns: bool.
  package func equals(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_EQ, "eq", other) }
  package func equals(_ other: Double) throws(TorchError) -> Tensor { try binary(CTORCH_EQ, "eq", other) }
  package func notEquals(_ other: Double) throws(TorchError) -> Tensor { try binary(CTORCH_NE, "ne", other) }
  package func less(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_LT, "lt", other) }
  package func less(_ other: Double) throws(TorchError) -> Tensor { try binary(CTORCH_LT, "lt", other) }
  package func lessOrEqual(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_LE, "le", other) }
  package func lessOrEqual(_ other: Double) throws(TorchError) -> Tensor { try binary(CTORCH_LE, "le", other) }
  package func greater(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_GT, "gt", other) }
  package func greater(_ other: Double) throws(TorchError) -> Tensor { try binary(CTORCH_GT, "gt", other) }
  package func greaterOrEqual(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_GE, "ge", other) }
  package func greaterOrEqual(_ other: Double) throws(TorchError) -> Tensor { try binary(CTORCH_GE, "ge", other) }

  /// Values below `lower` become `lower`, above `upper` become `upper`.
  package func clamped(_ lower: Double, _ upper: Double) throws(TorchError) -> Tensor {
    try Tensor.make("clamp", [self]) { ctorch_clamp(handle, lower, upper, $0) }
  }

  /// Where `condition` (bool) holds, `self`, else `other`.
  package func selected(where condition: Tensor, else other: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("where", [condition, self, other]) { ctorch_where(condition.handle, handle, other.handle, $0) }
  }

  /// Elements become `value` where `mask` (bool) holds.
  package func maskedFill(_ mask: Tensor, _ value: Double) throws(TorchError) -> Tensor {
    try Tensor.make("masked_fill", [self, mask]) { ctorch_masked_fill(handle, mask.handle, value, $0) }
  }

  package func cast(to dtype: DType) throws(TorchError) -> Tensor {
    try Tensor.make("cast", [self]) { ctorch_cast(handle, dtype.scalarType, $0) }
  }

  package func moved(to device: Device) throws(TorchError) -> Tensor {
    try TorchRuntime.require(device)
    return try Tensor.make("to", [self]) { ctorch_to_device(handle, device.index, $0) }
  }

  /// A copy with memory of its own.
  package func clone() throws(TorchError) -> Tensor { try unary(CTORCH_CLONE, "clone") }

  /// Overwrites the receiver with `source`, which broadcasts and is cast.
  package func copyInPlace(_ source: Tensor) throws(TorchError) {
    try Tensor.check("copy_", [self, source]) { ctorch_copy_(handle, source.handle) }
  }

  /// Adds `scale * other` to the receiver.
  package func addInPlace(_ other: Tensor, scale: Double = 1) throws(TorchError) {
    try Tensor.check("add_", [self, other]) { ctorch_add_(handle, other.handle, scale) }
  }

  package func fillInPlace(_ value: Double) throws(TorchError) {
    try Tensor.check("fill_", [self]) { ctorch_fill_(handle, value) }
  }
}
