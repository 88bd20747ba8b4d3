"""A trained network in use: any picture in, an answer out. Without Lightning; without torch for exported networks."""
