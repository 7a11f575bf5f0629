/// A disk as the kernel shows it: what is written can be read at once, is kept by a process that dies, and outlives the
/// machine only once it has been synced; a name, once its folder has been synced.
struct SimulatedDisk: Sendable {
  enum Failure: Error {
    case full
    /// EIO. What was to be synced may or may not be there, and a second fsync would not tell.
    case inputOutput
  }

  private struct File {
    var bytes: [UInt8] = []
    /// How many of them are on the medium.
    var synced = 0
    /// Whether the name is, and under which name it is otherwise.
    var isNameSynced = false
    var syncedName: String?
  }

  private var files: [String: File] = [:]
  /// Files whose removal is not on the medium yet.
  private var removed: [String: File] = [:]
  var isFull = false
  /// The next fsync fails.
  var failsNextSync = false

  func read(_ name: String) -> [UInt8]? { files[name]?.bytes }

  var names: [String] { files.keys.sorted() }

  /// Bytes of `name` that would survive a loss of power.
  func syncedCount(_ name: String) -> Int { files[name]?.synced ?? 0 }

  mutating func append(_ bytes: [UInt8], to name: String) throws(Failure) {
    if isFull { throw .full }
    files[name, default: File()].bytes.append(contentsOf: bytes)
  }

  /// Gives back the memory of what is in the file: nobody will read it.
  mutating func forgetContent(of name: String) {
    files[name]?.bytes = []
    files[name]?.synced = 0
  }

  mutating func truncate(_ name: String, to count: Int) {
    guard let size = files[name]?.bytes.count, let synced = files[name]?.synced, size > count else { return }
    files[name]?.bytes.removeLast(size - count)
    files[name]?.synced = min(count, synced)
  }

  mutating func sync(_ name: String) throws(Failure) {
    if failsNextSync {
      failsNextSync = false
      throw .inputOutput
    }
    guard let file = files.index(forKey: name) else { return }
    files.values[file].synced = files.values[file].bytes.count
  }

  /// What the kernel does with pages that it could not write: they are gone at once, or stay in memory as if they had
  /// been written.
  mutating func loseUnsynced(_ name: String, all: Bool) {
    guard let synced = files[name]?.synced, let count = files[name]?.bytes.count, count > synced else { return }
    if all { files[name]?.bytes.removeLast(count - synced) }
  }

  mutating func rename(_ name: String, to target: String) {
    guard var file = files.removeValue(forKey: name) else { return }
    if file.isNameSynced { file.syncedName = name }
    file.isNameSynced = false
    files[target] = file
  }

  mutating func remove(_ name: String) {
    guard let file = files.removeValue(forKey: name) else { return }
    if file.isNameSynced { removed[name] = file }
  }

  /// Of the one folder that there is.
  mutating func syncNames() {
    for name in files.keys { // Each on its own: the order does not matter.
      files[name]?.isNameSynced = true
      files[name]?.syncedName = nil
    }
    removed = [:]
  }

  /// Changes one bit.
  ///
  /// - Returns: whether there was one.
  mutating func flipBit(of name: String, _ random: inout SimulationRandom) -> Bool {
    guard let count = files[name]?.bytes.count, count > 0 else { return false }
    files[name]?.bytes[random.below(count)] ^= 1 << UInt8(random.below(8))
    return true
  }

  /// What is found after the power was lost.
  ///
  /// - Parameter torn: of what was not synced, some of the first bytes are on the medium, and the last of these are wrong.
  /// - Returns: how many bytes are lost, and how many of what is left were never synced.
  mutating func losePower(torn: Bool, _ random: inout SimulationRandom) -> (lost: Int, torn: Int) {
    var lost = 0
    var left = 0
    for name in names {
      guard var file = files[name] else { continue }
      var unsynced = file.bytes.count - file.synced
      if torn, unsynced > 0 {
        let kept = 1 + random.below(unsynced)
        let end = file.synced + kept
        // The last sector that was under way holds something else.
        for index in max(file.synced, end - random.below(16))..<end { file.bytes[index] ^= UInt8(truncatingIfNeeded: random.next()) }
        file.bytes.removeLast(file.bytes.count - end)
        left += kept
        unsynced -= kept
      } else {
        file.bytes.removeLast(unsynced)
      }
      lost += unsynced
      file.synced = file.bytes.count
      if file.isNameSynced {
        files[name] = file
      } else {
        files[name] = nil
        if let earlier = file.syncedName {
          file.isNameSynced = true
          file.syncedName = nil
          files[earlier] = file
        } else if file.bytes.count > 0 {
          lost += 1
        }
      }
    }
    for (name, file) in removed.sorted(by: { $0.key < $1.key }) where files[name] == nil { files[name] = file }
    removed = [:]
    failsNextSync = false
    return (lost, left)
  }
}
