internal import CTorch

/// The type of a tensor's elements.
package enum DType: String, Sendable, Hashable, CaseIterable {
  case float32, float64, float16, bfloat16, int8, int16, int32, int64, uint8, bool

  /// Bytes an element.
  package var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  package var isFloatingPoint: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16: true
    default: false
    }
  }

  /// libtorch's numbers for its scalar types (c10/core/ScalarType.h); the shim checks them at compile time.
  var scalarType: CInt {
    switch self {
    case .uint8: 0
    case .int8: 1
    case .int16: 2
    case .int32: 3
    case .int64: 4
    case .float16: 5
    case .float32: 6
    case .float64: 7
    case .bool: 11
    case .bfloat16: 15
    }
  }

  init?(scalarType: CInt) {
    guard let match = Self.allCases.first(where: { $0.scalarType == scalarType }) else { return nil }
    self = match
  }
}

/// A Swift type that a tensor's elements are written from and read into.
package protocol TensorElement: BitwiseCopyable {
  static var dtype: DType { get }
}

extension Float: TensorElement { package static var dtype: DType { .float32 } }
extension Double: TensorElement { package static var dtype: DType { .float64 } }
extension UInt8: TensorElement { package static var dtype: DType { .uint8 } }
extension Int32: TensorElement { package static var dtype: DType { .int32 } }
extension Int64: TensorElement { package static var dtype: DType { .int64 } }
extension Int: TensorElement { package static var dtype: DType { .int64 } }
extension Bool: TensorElement { package static var dtype: DType { .bool } }
