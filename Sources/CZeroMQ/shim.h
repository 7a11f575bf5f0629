#include <zmq.h>

#include <malloc.h>
#include <sys/eventfd.h>

// The stable library honours this option; its header names it only among the drafts.
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif
