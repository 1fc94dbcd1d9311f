/// Who an agent is to the programs in it.
package struct Account: Sendable, Hashable {
    package var userName: String
    /// Home directory inside: private, unless the profile grants it.
    package var home: String
    package var hostName: String

    package init(userName: String, home: String, hostName: String) {
        self.userName = userName
        self.home = home
        self.hostName = hostName
    }
}
