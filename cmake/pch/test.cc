// Gives the precompiled header test.h a target to belong to.
