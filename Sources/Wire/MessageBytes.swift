internal import Foundation
internal import SwiftProtobuf

/// Writes a message in protobuf's binary form, byte for byte as SwiftProtobuf does.
///
/// SwiftProtobuf goes over a message twice, and over every message inside it once more for each level above it, through
/// code that serves all kinds of messages, which took a sixth of a simulated run. This goes over it once, and the
/// compiler makes the code for each kind, because it is here. It knows the kinds of fields that `sophia.proto` uses.
struct MessageBytes: Visitor {
  private(set) var bytes: [UInt8] = []

  init(_ message: some Message) {
    bytes.reserveCapacity(256)
    do {
      try message.traverse(visitor: &self)
    } catch {
      preconditionFailure("cannot encode \(type(of: message)): \(error)")
    }
  }

  private enum WireType: UInt64 {
    case varint = 0, fixed64 = 1, lengthDelimited = 2, fixed32 = 5
  }

  private mutating func begin(_ fieldNumber: Int, _ type: WireType) {
    put(UInt64(fieldNumber) << 3 | type.rawValue)
  }

  private mutating func put(_ number: UInt64) {
    var rest = number
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func put(_ content: UnsafeRawBufferPointer) {
    put(UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  private mutating func putFixed<Word: FixedWidthInteger>(_ word: Word) {
    withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Writes what `content` writes, with its length before it.
  private mutating func putDelimited(_ fieldNumber: Int, _ content: (inout Self) throws -> Void) rethrows {
    begin(fieldNumber, .lengthDelimited)
    // Most lengths take one byte; others are known only once it is too late for more.
    let start = bytes.count
    bytes.append(0)
    try content(&self)
    let length = bytes.count - start - 1
    guard length >= 128 else { return bytes[start] = UInt8(length) }
    var longer = MessageBytes()
    longer.put(UInt64(length))
    bytes.replaceSubrange(start...start, with: longer.bytes)
  }

  private init() {}

  // MARK: Fields

  mutating func visitSingularFloatField(value: Float, fieldNumber: Int) {
    begin(fieldNumber, .fixed32)
    putFixed(value.bitPattern)
  }

  mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) {
    begin(fieldNumber, .fixed64)
    putFixed(value.bitPattern)
  }

  mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) {
    visitSingularUInt64Field(value: UInt64(bitPattern: value), fieldNumber: fieldNumber)
  }

  mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) {
    begin(fieldNumber, .varint)
    put(value)
  }

  mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) {
    visitSingularUInt64Field(value: value ? 1 : 0, fieldNumber: fieldNumber)
  }

  mutating func visitSingularEnumField<E: SwiftProtobuf.Enum>(value: E, fieldNumber: Int) {
    visitSingularInt64Field(value: Int64(value.rawValue), fieldNumber: fieldNumber)
  }

  mutating func visitSingularStringField(value: String, fieldNumber: Int) {
    begin(fieldNumber, .lengthDelimited)
    var value = value
    value.withUTF8 { put(UnsafeRawBufferPointer($0)) }
  }

  mutating func visitSingularBytesField(value: Data, fieldNumber: Int) {
    begin(fieldNumber, .lengthDelimited)
    value.withUnsafeBytes { put($0) }
  }

  mutating func visitSingularMessageField<M: Message>(value: M, fieldNumber: Int) throws {
    try putDelimited(fieldNumber) { try value.traverse(visitor: &$0) }
  }

  mutating func visitRepeatedMessageField<M: Message>(value: [M], fieldNumber: Int) throws {
    for message in value { try visitSingularMessageField(value: message, fieldNumber: fieldNumber) }
  }

  // Numbers lie in memory as they are sent, the lowest byte first, as the tensors' bytes do that nobody turns round either.
  mutating func visitPackedFloatField(value: [Float], fieldNumber: Int) {
    begin(fieldNumber, .lengthDelimited)
    value.withUnsafeBytes { put($0) }
  }

  mutating func visitPackedDoubleField(value: [Double], fieldNumber: Int) {
    begin(fieldNumber, .lengthDelimited)
    value.withUnsafeBytes { put($0) }
  }

  mutating func visitPackedInt32Field(value: [Int32], fieldNumber: Int) {
    putDelimited(fieldNumber) { for number in value { $0.put(UInt64(bitPattern: Int64(number))) } }
  }

  mutating func visitPackedUInt64Field(value: [UInt64], fieldNumber: Int) {
    putDelimited(fieldNumber) { for number in value { $0.put(number) } }
  }

  mutating func visitUnknown(bytes: Data) {
    self.bytes.append(contentsOf: bytes)
  }

  // MARK: Fields that no message here has

  mutating func visitSingularSInt32Field(value: Int32, fieldNumber: Int) { refuse("sint32", fieldNumber) }
  mutating func visitSingularSInt64Field(value: Int64, fieldNumber: Int) { refuse("sint64", fieldNumber) }
  mutating func visitSingularFixed32Field(value: UInt32, fieldNumber: Int) { refuse("fixed32", fieldNumber) }
  mutating func visitSingularFixed64Field(value: UInt64, fieldNumber: Int) { refuse("fixed64", fieldNumber) }
  mutating func visitSingularSFixed32Field(value: Int32, fieldNumber: Int) { refuse("sfixed32", fieldNumber) }
  mutating func visitSingularSFixed64Field(value: Int64, fieldNumber: Int) { refuse("sfixed64", fieldNumber) }

  mutating func visitMapField<KeyType, ValueType: MapValueType>(
    fieldType: _ProtobufMap<KeyType, ValueType>.Type, value: _ProtobufMap<KeyType, ValueType>.BaseType, fieldNumber: Int
  ) { refuse("map", fieldNumber) }

  mutating func visitMapField<KeyType, ValueType>(
    fieldType: _ProtobufEnumMap<KeyType, ValueType>.Type, value: _ProtobufEnumMap<KeyType, ValueType>.BaseType, fieldNumber: Int
  ) where ValueType.RawValue == Int { refuse("map", fieldNumber) }

  mutating func visitMapField<KeyType, ValueType>(
    fieldType: _ProtobufMessageMap<KeyType, ValueType>.Type, value: _ProtobufMessageMap<KeyType, ValueType>.BaseType,
    fieldNumber: Int
  ) { refuse("map", fieldNumber) }

  private func refuse(_ kind: String, _ fieldNumber: Int) -> Never {
    preconditionFailure("field \(fieldNumber) is a \(kind), which no message is written with yet")
  }
}
