// Gives the precompiled header common.h a target to belong to.
