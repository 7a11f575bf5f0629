internal import CTorch

/// A tensor of libtorch: an array of numbers with a shape, a dtype and a device, that records what made it, so that
/// gradients can be taken.
///
/// Not Sendable: a tensor stays on the thread of the engine that made it. Every operation gives a new `Tensor`, which may
/// share memory with its operand as in PyTorch (views); names ending in `InPlace` change their receiver. Negative
/// dimensions count from the end.
package final class Tensor {
  let handle: OpaquePointer

  /// Takes over one reference to `handle`.
  @inline(__always)
  init(owning handle: OpaquePointer) {
    self.handle = handle
  }

  deinit {
    ctorch_release(handle)
  }

  /// Runs one call of the shim that leaves a tensor in its argument.
  @inline(__always)
  static func make(
    _ operation: StaticString, _ operands: @autoclosure () -> [Tensor],
    _ call: (UnsafeMutablePointer<OpaquePointer?>) -> CInt
  ) throws(TorchError) -> Tensor {
    Tensor(owning: try makeHandle(operation, operands(), call))
  }

  /// The handle of a new tensor, for whoever takes it over.
  @inline(__always)
  static func makeHandle(
    _ operation: StaticString, _ operands: @autoclosure () -> [Tensor],
    _ call: (UnsafeMutablePointer<OpaquePointer?>) -> CInt
  ) throws(TorchError) -> OpaquePointer {
    var result: OpaquePointer?
    guard call(&result) == 0, let result else { throw TorchError(operation: operation, operands: operands()) }
    return result
  }

  /// Runs one call of the shim that gives nothing back.
  @inline(__always)
  static func check(
    _ operation: StaticString, _ operands: @autoclosure () -> [Tensor], _ call: () -> CInt
  ) throws(TorchError) {
    guard call() == 0 else { throw TorchError(operation: operation, operands: operands()) }
  }

  /// The number of dimensions.
  package var rank: Int { ctorch_rank(handle) }

  /// The number of elements.
  package var count: Int { ctorch_count(handle) }

  package var shape: [Int] {
    let rank = self.rank
    return [Int](unsafeUninitializedCapacity: rank) { buffer, count in
      ctorch_shape(handle, buffer.baseAddress)
      count = rank
    }
  }

  /// The length of dimension `dimension`, which may count from the end; a dimension that the tensor lacks has length 1.
  package func size(_ dimension: Int) -> Int { ctorch_size(handle, dimension) }

  /// - Note: a dtype that libtorch has and `DType` lacks cannot arise from the operations here.
  package var dtype: DType {
    guard let type = DType(scalarType: ctorch_dtype(handle)) else { preconditionFailure("a dtype nobody here can make") }
    return type
  }

  package var device: Device { Device(index: ctorch_device(handle)) }

  /// `float32[2, 3]`, with the device unless it is the processor.
  package var signature: String {
    let sizes = shape.map(String.init).joined(separator: ", ")
    return "\(dtype)[\(sizes)]" + (device == .cpu ? "" : "@\(device)")
  }
}

// MARK: - Making

extension Tensor {
  package static func zeros(_ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu) throws(TorchError) -> Tensor {
    try full(shape, 0, dtype, on: device)
  }

  package static func ones(_ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu) throws(TorchError) -> Tensor {
    try full(shape, 1, dtype, on: device)
  }

  package static func full(
    _ shape: [Int], _ value: Double, _ dtype: DType = .float32, on device: Device = .cpu
  ) throws(TorchError) -> Tensor {
    Tensor(owning: try fullHandle(shape, value, dtype, on: device))
  }

  /// Memory as it is found; write it before reading it.
  package static func empty(_ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu) throws(TorchError) -> Tensor {
    try TorchRuntime.require(device)
    return try make("empty", []) { ctorch_empty(shape, shape.count, dtype.scalarType, device.index, $0) }
  }

  /// 0, 1, .. count - 1.
  package static func arange(_ count: Int, _ dtype: DType = .int64, on device: Device = .cpu) throws(TorchError) -> Tensor {
    try TorchRuntime.require(device)
    return try make("arange", []) { ctorch_arange(count, dtype.scalarType, device.index, $0) }
  }

  package func zerosLike() throws(TorchError) -> Tensor {
    try Tensor.make("zeros_like", [self]) { ctorch_unary(CTORCH_ZEROS_LIKE, handle, $0) }
  }

  /// A copy of host values, in row-major order.
  ///
  /// - Throws: if the number of values is not the product of `shape`.
  package convenience init<Element: TensorElement>(
    _ values: [Element], shape: [Int], on device: Device = .cpu
  ) throws(TorchError) {
    self.init(
      owning: try values.withUnsafeBufferPointer { (buffer) throws(TorchError) in
        try Tensor.copyingHandle(UnsafeRawBufferPointer(buffer), shape: shape, Element.dtype, on: device)
      })
  }

  /// A tensor of one dimension.
  package convenience init<Element: TensorElement>(_ values: [Element], on device: Device = .cpu) throws(TorchError) {
    try self.init(values, shape: [values.count], on: device)
  }

  /// A tensor with no dimension.
  package convenience init(scalar: Double, _ dtype: DType = .float32, on device: Device = .cpu) throws(TorchError) {
    self.init(owning: try Tensor.fullHandle([], scalar, dtype, on: device))
  }

  /// A copy of raw little-endian bytes, row-major.
  package static func copying(
    _ bytes: UnsafeRawBufferPointer, shape: [Int], _ dtype: DType, on device: Device = .cpu
  ) throws(TorchError) -> Tensor {
    Tensor(owning: try copyingHandle(bytes, shape: shape, dtype, on: device))
  }

  private static func copyingHandle(
    _ bytes: UnsafeRawBufferPointer, shape: [Int], _ dtype: DType, on device: Device
  ) throws(TorchError) -> OpaquePointer {
    try TorchRuntime.require(device)
    return try makeHandle("from_bytes", []) {
      ctorch_from_bytes(bytes.baseAddress, bytes.count, shape, shape.count, dtype.scalarType, device.index, $0)
    }
  }

  private static func fullHandle(
    _ shape: [Int], _ value: Double, _ dtype: DType, on device: Device
  ) throws(TorchError) -> OpaquePointer {
    try TorchRuntime.require(device)
    return try makeHandle("full", []) { ctorch_full(shape, shape.count, value, dtype.scalarType, device.index, $0) }
  }
}

// MARK: - Reading

extension Tensor {
  /// The elements in row-major order, cast to `Element`'s dtype, on the host.
  package func values<Element: TensorElement>(as type: Element.Type = Element.self) throws(TorchError) -> [Element] {
    let count = self.count
    var status: CInt = 0
    let values = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      status = ctorch_copy_to_host(
        handle, Element.dtype.scalarType, buffer.baseAddress, count * MemoryLayout<Element>.stride)
      initialized = status == 0 ? count : 0
    }
    guard status == 0 else { throw TorchError(operation: "copy_to_host", operands: [self]) }
    return values
  }

  /// The elements as `Float`, row-major.
  package func floats() throws(TorchError) -> [Float] { try values() }

  /// The only element.
  package func item() throws(TorchError) -> Double {
    var value = 0.0
    try Tensor.check("item", [self]) { ctorch_item(handle, &value) }
    return value
  }

  /// The bytes of a contiguous tensor on the host, in place. Do not let the pointer out of `body`.
  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    var pointer: UnsafeMutableRawPointer?
    try Tensor.check("data", [self]) { ctorch_data(handle, &pointer) }
    return try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: pointer, count: count * dtype.byteCount))
    }
  }

  /// The memory of a contiguous tensor on the host, for writing. Do not let the pointer out of `body`.
  package func withUnsafeMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) throws -> Result {
    var pointer: UnsafeMutableRawPointer?
    try Tensor.check("data", [self]) { ctorch_data(handle, &pointer) }
    return try withExtendedLifetime(self) {
      try body(UnsafeMutableRawBufferPointer(start: pointer, count: count * dtype.byteCount))
    }
  }
}
