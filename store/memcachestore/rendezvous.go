package memcachestore

// place returns which of the servers has a key: the one whose hash together with the key is the greatest. So each key has
// the same server in all processes, in whatever order they name the servers, and a server more or less moves only its
// own share of the keys. The hash is an interface between processes: a change makes each look where others don't write.
func place(servers []*server, key string) int {
	best, most := 0, uint64(0)
	if len(servers) == 1 {
		return 0
	}
	for i, s := range servers {
		if h := score(string(s.address), key); i == 0 || h > most || h == most && s.address < servers[best].address {
			best, most = i, h
		}
	}
	return best
}

// score is FNV-1a over the address, a zero and the key, with its bits mixed (the finalizer of SplitMix64): FNV alone
// would let the last bytes of the key decide too little.
func score(address, key string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(address) {
		h = (h ^ uint64(address[i])) * prime
	}
	h *= prime // the zero
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * prime
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
