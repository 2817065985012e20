# the tree itself: what documents name exists, and folders include what they may

@test "the include rule holds" {
    tests/layers.sh
}
