"""Studies at a fixed policy: the gradients of arms, and their first solutions, against direct sampling."""
