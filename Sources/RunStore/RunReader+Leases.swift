internal import GRDB
package import Rollout

extension RunReader {
  /// The leases whose groups are in the ledger.
  package func leasesOfGroups() throws(RunStoreError) -> Set<LeaseID> {
    Set(
      try rows("SELECT incarnation, lease FROM groups") { row in
        LeaseID(incarnation: try row.value("incarnation"), number: try row.unsigned("lease"))
      })
  }
}
