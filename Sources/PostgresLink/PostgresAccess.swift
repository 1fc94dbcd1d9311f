/// A database of the operator's, and what lets us in.
package struct PostgresAccess: Sendable, CustomReflectable {
    package let location: PostgresLocation
    /// Gives the password, anew for each connection; nil where there is none.
    let password: (@Sendable () throws -> [UInt8])?
    /// The path of bailey-postgres; nil where it cannot be known.
    let program: String?

    package init(
        _ location: PostgresLocation,
        password: (@Sendable () throws -> [UInt8])?,
        program: String?
    ) {
        (self.location, self.password, self.program) = (location, password, program)
    }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
