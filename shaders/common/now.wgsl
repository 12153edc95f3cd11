// The step, for kernels that depend on nothing else.

var<immediate> step: Step;
