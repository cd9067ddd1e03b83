// The public face stands on the machine: whoever imports Gyre sees the values of GyreCore (instants, snapshots,
// histograms) without a second import.
@_exported public import GyreCore
