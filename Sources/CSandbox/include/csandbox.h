#pragma once
#include "csb_socket.h"
#include "csb_launch.h"
#include "csb_channel.h"
#include "csb_memory.h"
#include "csb_pidfd.h"
#include "csb_event.h"
#include "csb_names.h"
