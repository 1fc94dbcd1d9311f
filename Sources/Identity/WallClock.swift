internal import Foundation
package import Model

/// The clock that tokens are dated by.
package enum WallClock {
    package static func now() -> Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
    }
}
