// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account_state.h"

#include <stdlib.h>

void v2m_account_unbind(struct v2m_account *account)
{
	v2m_keyset_unref(account->keyset);
	account->keyset = NULL;
	free(account->owners);
	account->owners = NULL;
}
