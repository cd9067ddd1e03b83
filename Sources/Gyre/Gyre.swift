// The public face stands on the machine and on the policies: whoever imports Gyre sees the values of both (instants,
// snapshots, histograms; limits, breakers, backoffs) without further imports.
@_exported public import GyreCore
@_exported public import GyrePolicy
